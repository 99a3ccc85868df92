"""What the words in a header name: a part of the body, a view. In the languages that devices are set to.

Only what a word names counts. A word that is not known here names nothing, and the pixels decide.
"""

import re
import unicodedata

_UNDECOMPOSED = str.maketrans({"Ł": "L", "Ø": "O", "Æ": "AE", "Œ": "OE", "Đ": "D"})
_INITIALS = re.compile(r"\b(\w)\.\s?(?=\w\b)")


def folded(text: str) -> str:
    """In capitals, without accents and punctuation: "Thórax p.a." is "THORAX PA"."""
    plain = unicodedata.normalize("NFKD", text.upper())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter)).translate(_UNDECOMPOSED)
    composed = unicodedata.normalize("NFC", plain)  # Hangul, which falls apart into its letters
    return " ".join(re.sub(r"[\W_]+", " ", _INITIALS.sub(r"\1", composed)).split())


def _naming(words: str, signs: str = "") -> re.Pattern[str]:
    """Whole words, or their beginnings where a star ends them; `signs` may stand anywhere, as Han does."""
    each = "|".join(word[:-1] + r"\w*" if word.endswith("*") else word for word in words.split())
    return re.compile("|".join([rf"\b(?:{each})\b", *signs.split()]))


_CHEST = _naming(
    # English, German, French, Italian, Spanish, Portuguese, Romanian
    "CHEST* LUNG LUNGS LUNGE* LUNGEN* PULM* HEART CARDIA* CARDIO* CORONAR* CTA\\sCOR BRUST BRUSTKORB* HERZ* POITRINE "
    "POUMON* COEUR TORAC* POLMON* CUORE PECHO CORAZON PEITO CORACAO PLAMAN* "
    # Dutch, Danish, Norwegian, Swedish, Finnish, Polish, Czech, Hungarian, Turkish, Indonesian, Vietnamese
    "BORSTKAS LONGEN BRYSTKASSE* BROSTKORG* LUNGOR LUNGA KEUHKO* KLATKA PLUC* KLP HRUDNIK* PLIC PLICE MELLKAS* TUDO "
    "GOGUS AKCIGER* DADA PARU NGUC PHOI "
    # Russian, Ukrainian, Greek
    "ГРУД* ЛЕГКИЕ ЛЕГКИХ ОГК ЛЕГЕН* ΘΩΡΑΚ*",
    r"CHEST THORA TORAX TORAKS TORAKAL 胸 肺 흉부 흉곽 صدر חזה ทรวงอก",
)
_SPINE = _naming(
    "SPINE* [CTLS]SPINE* SPINAL THORACOLUMB* DORSOLUMB* LUMB* LOMB* LENDEN* SACR* SAKR* [HBL]WS WIRBEL* \\w+WIRBEL* "
    "VERTEBR* RACHIS COLONNE COLONNA COLUMNA COLUNA WERVELKOLOM KREGOSLUP* ПОЗВОНО*",
    "脊柱 脊椎 頸椎 颈椎 腰椎 胸椎 척추",
)
_THORACIC_SPINE = re.compile(
    r"\b(?:THORA|TORAC|DORSA)\w* (?:SPINE|COLUMN|VERTEBR|WIRBEL)\w*|BRUSTWIRBEL\w*|\w*THORACOLUMB\w*|胸椎|"
    r"\b(?:RACHIS|COLON+[EA]|COLUM?NA)(?: VERTEBRAL\w*)? (?:DORSA|THORA|TORAC)\w*|\bГРУДН\w* (?:ОТДЕЛ\w* )?ПОЗВОНО\w*"
)
_ELSEWHERE = _naming(
    # Head and neck
    "HEAD SKULL BRAIN CRANI* FACE FACIAL SINUS* ORBIT* NECK JAW DENTAL KOPF SCHADEL* SCHAEDEL* GEHIRN HALS KIEFER "
    "TETE CRANE CERVEAU COU TESTA CERVELLO COLLO CABEZA CUELLO CABECA PESCOCO HOOFD GLOWA HLAVA ГОЛОВ* ЧЕРЕП* "
    # Belly and pelvis
    "ABDOM* ADDOM* PELVI* LIVER KIDNEY* COLON BLADDER PROSTAT* BAUCH BECKEN LEBER NIERE* VENTRE BASSIN FOIE REINS "
    "BACINO FEGATO VIENTRE HIGADO BARRIGA BACIA FIGADO BUIK BEKKEN BRZUCH* ЖИВОТ* БРЮШ* ТАЗ ТАЗА "
    # Arm and shoulder
    "EXTREMI* ARM ELBOW WRIST HAND HANDS FINGER* SHOULDER CLAVICLE ELLBOGEN* ELLENBOGEN* SCHULTER* BRAS COUDE "
    "DOIGT* EPAULE BRACCIO GOMITO POLSO MANO SPALLA BRAZO CODO MUNECA HOMBRO BRACO COTOVELO PUNHO OMBRO SCHOUDER "
    "POIGNET HANDGELENK* "
    # Hip, leg and foot; breast
    "HIP LEG FEMUR TIBIA ANKLE FOOT FEET TOE TOES HUFTE HUEFTE KNIE BEIN FUSS OBERSCHENKEL* UNTERSCHENKEL* "
    "KNEE SPRUNGGELENK* HANCHE GENOU JAMBE CHEVILLE PIED ANCA GINOCCHIO GAMBA CAVIGLIA PIEDE CADERA RODILLA PIERNA "
    "TOBILLO QUADRIL JOELHO PERNA TORNOZELO HEUP VOET KOLANO STOPA BREAST MAMM* ",
    "頭部 头部 頭頸 腹部 骨盤 骨盆 膝 두부 복부",
)
_FRONTAL = _naming(
    "PA AP DV VD FRONTAL* POSTERO\\W?ANTERIOR* ANTERO\\W?POSTERIOR* DORSO\\W?VENTRAL* VENTRO\\W?DORSAL* FRENTE FACE "
    "ПРЯМАЯ ПРЯМОИ",
    "正面 正位 정면",
)
_LATERAL = _naming(
    "LL RL LAT LATERAL* LATERO\\W?LATERAL* SEITLICH* PROFIL PROFILO PERFIL LATERAAL ZIJDELINGS BOCZN* BOCNI БОКОВ*",
    "側面 侧面 側位 侧位 측면",
)
_OBLIQUE = _naming(
    "LLD RLD LAO RAO LPO RPO LLO RLO OBL* SCHRAG* SCHRAEG* SEITENLAGE DECUBITUS(?!\\sDORSAL|\\sSUP) "
    "LATERAL\\sDECUB* DECUBITO\\sLATERAL*",
    "斜位",
)


def names_chest(words: str) -> bool:
    """Whether folded words name the chest, or an organ in it."""
    return _CHEST.search(_without_spine(words)) is not None


def names_elsewhere(words: str) -> str:
    """The folded word that names another part of the body, '' where the chest is named too or nothing is."""
    found = _SPINE.search(words) or _ELSEWHERE.search(words)
    return found.group() if found and not names_chest(words) else ""


def _without_spine(words: str) -> str:
    """The thoracic spine bears the name of the chest in every language."""
    return _THORACIC_SPINE.sub(" ", words)


def names_oblique(words: str) -> bool:
    """Whether folded words name an oblique view, or one of a patient who lies on the side."""
    return _OBLIQUE.search(words) is not None


def names_lateral(words: str) -> bool:
    return _LATERAL.search(words) is not None


def names_frontal(words: str) -> bool:
    return _FRONTAL.search(words) is not None
