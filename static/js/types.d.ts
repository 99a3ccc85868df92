// The shapes that modules share, for the type check alone: no page loads this file.

/** What diagnosis/views/viewer_sets.py says of one scan; `viewer` is the address of its study's settings. */
interface Entry {
  id: string;
  set: string;
  instance: number | null;
  position: number | null;
  title: string;
  who: string[];
  view: string;
  note: string;
  greyscale: string;
  series?: string;
  viewer?: string;
}

/** Images of a study that one goes through one after the other, as the list of series has them. */
interface DisplaySet {
  id: string;
  title: string;
  description: string;
  count: string;
  note: string;
  why: string;
  thumbnail: string;
  opens: Entry;
}

interface AttentionMap {
  name: string;
  shows: string;
  url: string;
}

/** The settings of a viewer, as JSON in its page. */
interface Told {
  self: string;
  about: string;
  scan: Entry;
  beside?: Entry;
  sets: DisplaySet[];
  prior?: Entry[];
  compare?: boolean;
  attention?: Record<string, AttentionMap[]>;
  scores?: string;
  legend?: string;
}

/** What the classifiers said of one slice. */
interface Score {
  probability: number;
  zone: "" | "positive" | "indeterminate" | "negative";
  above: number;
  total: number;
  attention?: AttentionMap[];
}

interface Point {
  x: number;
  y: number;
}

interface Line {
  a: Point;
  b: Point;
}

type ShapeKind = "length" | "angle" | "rectangle" | "ellipse";

interface Shape {
  kind: ShapeKind;
  points: Point[];
}

/** What a reader did with one image, as the form of a reading keeps it: diagnosis/forms/key_images.py reads it. */
interface MarkedImage {
  image: string;
  key: boolean;
  window: GreyWindow | null;
  inverted: boolean;
  measurements: { kind: ShapeKind; points: number[][] }[];
}

/** Black at `centre - width / 2`, white at `centre + width / 2`; with the name of the preset that it still is. */
interface GreyWindow {
  centre: number;
  width: number;
  name?: string;
}

interface Preset extends GreyWindow {
  name: string;
  title: string;
}

/** How raw values become grey by what the file says. */
interface Tone {
  centre: number;
  width: number;
  curve?: number[];
  span?: number;
}

/** Millimetres between the middles of neighbouring pixels. */
interface Spacing {
  row: number;
  column: number;
  at_detector: boolean;
}

type Steps = Uint8Array | Uint16Array;

interface Level {
  steps: Steps;
  width: number;
  height: number;
}

/** One entry of the table in viewer/actions.js. */
interface Action {
  id: string;
  keys: string[];
  label: string;
  group: string;
  show?: "icon" | "text";
  icon?: string;
  text?: (viewer: Viewer) => string;
  title?: (viewer: Viewer) => string | undefined;
  pressed?: (viewer: Viewer) => boolean;
  offered?: (viewer: Viewer) => boolean;
  keepsPlace?: (viewer: Viewer) => boolean;
  run: (viewer: Viewer, key: string) => unknown;
}

// Named here and not by import() in JSDoc: Django's static files take every import for one that runs.
type Viewer = import("./viewer/controller.js").Controller;
type ScanViewer = import("./viewer/viewer.js").ScanViewer;
type Pane = import("./viewer/pane.js").Pane;
type Panes = import("./viewer/panes.js").Panes;
type Series = import("./viewer/series.js").Series;
type SeriesList = import("./viewer/series_list.js").SeriesList;
type Ruler = import("./viewer/ruler.js").Ruler;
type Greyscale = import("./viewer/greyscale.js").Greyscale;
type Placement = import("./viewer/view.js").Placement;
type ToolName = import("./viewer/tool.js").ToolName;
type UploadRow = import("./upload_row.js").Row;
type UploadGroup = import("./upload_group.js").Group;

/** A file, and where it lies in the folder that it came with. */
interface FoundFile {
  file: File;
  path: string;
}

type FileKind = "dicom" | "picture" | "archive" | "beside" | "unknown";

/** What its first bytes say of a file; `study` is the UID of a DICOM's study, empty where none was found. */
interface SortedFile extends FoundFile {
  kind: FileKind;
  study: string;
}

type RowState = "waiting" | "sending" | "kept" | "question" | "problem" | "removed";

/** What a person said of all files before they were chosen: the fields of the form, by name. */
interface UploadChoice {
  modality: string;
  /** A key that loose files of one examination share; empty: each is one of its own. */
  examination: string;
  [field: string]: string;
}

/** How many files of a row are where. */
interface UploadTally {
  total: number;
  kept: number;
  known: number;
  open: number;
  question: number;
  problem: number;
}

/** What a row asks of the list that it is in. */
interface UploadList {
  form: HTMLFormElement;
  changed(): void;
  /** Only numbers changed. */
  counted(): void;
  /** A person wants something to be sent once more. */
  again(): void;
  leftOut(paths: string[]): void;
  /** Differences of header and record that a person accepted for every file here. */
  compared(): string[];
  agree(comparison: string): void;
  /** Whatever bears the record number of `patient` is that patient's; `group` is the study that was asked about. */
  redirect(patient: OtherPatient, group: UploadGroup | null): void;
  /** The patients whose files go to them instead: their keys. */
  redirected(): string[];
  isAlone(): boolean;
  modalities(): string[];
  label(modality: string): string;
}

/** Not the one of the page; `url` takes their files. */
interface OtherPatient {
  key: string;
  name: string;
  url: string;
}

/** The server's answer to one file, or this browser's own words when there was none. */
interface UploadAnswer {
  sentence: string;
  again?: boolean;
  lost?: boolean;
  /** The first line about an archive: how many files there are. */
  total?: number;
  outcome?: "accepted" | "duplicate" | "mismatch" | "elsewhere" | "left_out" | "refused";
  code?: string;
  name?: string;
  study?: { key: string; title: string } | null;
  scan?: string;
  url?: string;
  thumbnail?: string;
  retryable?: boolean;
  comparison?: string;
  differences?: Difference[];
  /** The patient whose record number the file bears. */
  belongs_to?: OtherPatient | null;
  /** The name of the one for whom it was taken in, where that is not the patient of the page. */
  patient?: string;
  choices?: { value: string; label: string }[];
}

interface Difference {
  field: string;
  label: string;
  in_file: string;
  in_record: string;
}

/** Django's catalogue script, where the page has one. */
declare var django:
  | {
      gettext(text: string): string;
      pgettext(context: string, text: string): string;
      ngettext(one: string, many: string, count: number): string;
    }
  | undefined;
