"""Chest images as a screenshot shows them: in the window of a viewer, among its toolbars, lists and words.

Two programs that look different are drawn, so that the gate is fitted on one and measured on the other.
"""

from collections.abc import Sequence
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from ml.gate.training.corruptions import GreyImage, Random

Box = tuple[int, int, int, int]

LAYOUTS = ((1, 1), (1, 1), (1, 1), (1, 2), (2, 2), (2, 1), (2, 3))
SHAPES = ((640, 360), (640, 400), (560, 420), (640, 512), (360, 480))
WORDS = ("Series 1", "W 1500 L -600", "Im: 1/1", "PA", "Zoom 62 %", "DOE^JANE", "1957-04-02", "kV 120", "Chest", "SE 2")
WEB_SHAPES = ((1280, 720), (1366, 768), (1024, 768))
WEB_WORDS = ("Worklist", "Patient", "Accession 20311", "Report", "Prior studies", "Share", "Export", "ward 3", "14:02")


def workstation(pictures: Sequence[GreyImage], random: Random) -> GreyImage:
    """A dark window with a toolbar, panels at its sides and one to six viewports, whose corners carry words."""
    width, height = SHAPES[random.integers(len(SHAPES))]
    ground = int(random.integers(0, 70))
    sheet = Image.new("L", (width, height), ground)
    draw = ImageDraw.Draw(sheet)
    left, top, right, bottom = _free(width, height, random)
    if top:
        _bar(draw, (0, 0, width, top), random)
    if bottom < height:
        _bar(draw, (0, bottom, width, height), random)
    for panel in ((0, top, left, bottom), (right, top, width, bottom)):
        if panel[2] > panel[0]:
            _panel(sheet, draw, panel, pictures, random)
    rows, columns = LAYOUTS[random.integers(len(LAYOUTS))]
    for number in range(rows * columns):
        box = _cell((left, top, right, bottom), rows, columns, number)
        _viewport(sheet, draw, box, pictures[number % len(pictures)], random)
    return sheet


def web_page(pictures: Sequence[GreyImage], random: Random) -> GreyImage:
    """A browser with a bright page: tabs, a heading, a table or a form beside one or two images, the task bar below."""
    width, height = WEB_SHAPES[random.integers(len(WEB_SHAPES))]
    sheet = Image.new("L", (width, height), int(random.integers(225, 256)))
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((0, 0, width, 34), fill=int(random.integers(180, 225)))
    draw.rectangle((10, 8, 240, 34), fill=245)
    draw.text((24, 14), "Images - portal", 40, _font(13))
    draw.rectangle((0, 35, width, 64), fill=250)
    draw.rectangle((120, 40, width - 120, 60), fill=232)
    draw.rectangle((0, 65, width, 110), fill=int(random.choice((30, 60, 90, 210))))
    for number in range(6):
        draw.text((30 + number * 150, 80), WEB_WORDS[number], int(random.choice((150, 250))), _font(16))
    draw.rectangle((0, height - 40, width, height), fill=int(random.integers(10, 60)))
    for number in range(8):
        draw.ellipse((20 + number * 44, height - 32, 44 + number * 44, height - 8), fill=int(random.integers(60, 255)))
    share = random.uniform(0.25, 0.5)
    split = round(width * share)
    words, images = ((0, 111, split, height - 41), (split, 111, width, height - 41))
    if random.random() < 0.5:
        words, images = (width - split, 111, width, height - 41), (0, 111, width - split, height - 41)
    for line in range(12):
        y = words[1] + 14 + line * 40
        if y < words[3] - 30:
            draw.line((words[0] + 8, y + 28, words[2] - 8, y + 28), fill=200)
            draw.text((words[0] + 16, y), str(random.choice(WEB_WORDS)), 40, _font(15))
            draw.text((words[0] + (words[2] - words[0]) // 2, y), f"{random.integers(10**6)}", 70, _font(15))
    several = int(random.integers(1, 3))
    draw.rectangle(images, fill=int(random.choice((0, 0, 245))))
    for number in range(several):
        _paste(sheet, pictures[number % len(pictures)], _cell(images, 1, several, number), random)
    return sheet


def phone(pictures: Sequence[GreyImage], random: Random) -> GreyImage:
    """An upright telephone: status line, name of the chat, the image between balloons of text, a keyboard's bar."""
    width, height = 720, int(random.integers(960, 1180))
    sheet = Image.new("L", (width, height), int(random.choice((15, 235))))
    draw = ImageDraw.Draw(sheet)
    draw.text((24, 10), "14:02", 128, _font(22))
    draw.rectangle((0, 48, width, 130), fill=int(random.integers(40, 140)))
    draw.text((90, 74), "Ward 3", 250, _font(30))
    side = round(width * random.uniform(0.6, 0.8))
    top = int(random.integers(160, 300))
    draw.rounded_rectangle((width - side - 30, top, width - 30, top + side), 18, fill=190)
    _paste(sheet, pictures[0], (width - side - 20, top + 10, width - 40, top + side - 10), random)
    for y in range(top + side + 24, height - 130, 84):
        left = int(random.choice((24, 240)))
        draw.rounded_rectangle((left, y, left + 420, y + 64), 18, fill=200)
        draw.text((left + 20, y + 18), "please have a look at this", 30, _font(24))
    draw.rectangle((0, height - 90, width, height), fill=90)
    return sheet


def _free(width: int, height: int, random: Random) -> Box:
    """What bars and panels leave of the window: at least one of them is there."""
    while True:
        left, right = (round(width * random.uniform(0.1, 0.28)) if random.random() < 0.55 else 0 for _ in range(2))
        top, bottom = (round(height * random.uniform(0.05, 0.14)) if random.random() < 0.7 else 0 for _ in range(2))
        if (left or right) and (top or bottom):
            return left, top, width - right, height - bottom


def _bar(draw: ImageDraw.ImageDraw, box: Box, random: Random) -> None:
    """A row of buttons."""
    draw.rectangle(box, fill=int(random.integers(20, 235)))
    side, shade = box[3] - box[1], int(random.integers(60, 256))
    for x in range(box[0] + 4, round(box[2] * random.uniform(0.3, 1)), max(6, side)):
        inner = (x, box[1] + side // 4, x + side // 2, box[3] - side // 4)
        if random.random() < 0.8 and inner[3] > inner[1]:
            draw.rectangle(inner, outline=shade, fill=shade if random.random() < 0.5 else None)


def _panel(
    sheet: GreyImage, draw: ImageDraw.ImageDraw, box: Box, pictures: Sequence[GreyImage], random: Random
) -> None:
    """A list of words, or of small previews."""
    draw.rectangle(box, fill=int(random.integers(0, 110)) if random.random() < 0.7 else int(random.integers(180, 256)))
    width = box[2] - box[0]
    if random.random() < 0.5:
        for y in range(box[1] + 4, box[3] - width, width):
            preview = pictures[int(random.integers(len(pictures)))].resize((width - 10, width - 10))
            sheet.paste(preview, (box[0] + 5, y))
        return
    shade = int(random.integers(90, 200))
    for y in range(box[1] + 6, box[3] - 12, int(random.integers(12, 24))):
        draw.text((box[0] + 4, y), str(random.choice(WORDS)), shade, _font(9))


def _viewport(sheet: GreyImage, draw: ImageDraw.ImageDraw, box: Box, picture: GreyImage, random: Random) -> None:
    draw.rectangle(box, fill=0, outline=int(random.integers(0, 160)))
    _paste(sheet, picture, box, random)
    if random.random() < 0.75:
        shade, font = int(random.integers(150, 256)), _font(int(random.integers(8, 12)))
        for x in (box[0] + 4, box[2] - 70):
            for line in range(random.integers(0, 5)):
                draw.text((x, box[1] + 3 + line * 11), str(random.choice(WORDS)), shade, font)


def _cell(box: Box, rows: int, columns: int, number: int) -> Box:
    across, down = number % columns, number // columns
    width, height = (box[2] - box[0]) / columns, (box[3] - box[1]) / rows
    left, top = round(box[0] + across * width), round(box[1] + down * height)
    return left, top, round(left + width) - 1, round(top + height) - 1


def _paste(sheet: GreyImage, picture: GreyImage, box: Box, random: Random) -> None:
    """In its own shape, in the middle of the box."""
    width, height = box[2] - box[0] - 2, box[3] - box[1] - 2
    scale = min(width / picture.width, height / picture.height) * random.uniform(0.85, 1.0)
    size = (max(4, round(picture.width * scale)), max(4, round(picture.height * scale)))
    sheet.paste(picture.resize(size), (box[0] + (width - size[0]) // 2 + 1, box[1] + (height - size[1]) // 2 + 1))


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
