"""Invented people, doctors and hospitals of Japan, always the same ones for a seed. None of them exists."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta

from kaname.testing import spelling

Three = tuple[str, str, str]
"""One name three times: romaji, kanji (or the original script), katakana."""

FAMILIES: tuple[Three, ...] = (
    ("TAKAHASHI", "髙橋", "タカハシ"),
    ("HAYASHI", "林", "ハヤシ"),
    ("SASAKI", "佐々木", "ササキ"),
    ("YAMAZAKI", "山﨑", "ヤマザキ"),
    ("AZUMA", "東", "アズマ"),
    ("WHITFIELD", "Whitfield", "ウィットフィールド"),
    ("NGUYEN", "Nguyễn", "グエン"),
    ("TAKANASHI", "小鳥遊", "タカナシ"),
    ("HYODO", "表堂", "ヒョウドウ"),
    ("KAMOMEDA", "鷗田", "カモメダ"),
    ("SOEJIMA", "副島", "ソエジマ"),
    ("IGARASHI", "五十嵐", "イガラシ"),
)
"""With characters outside JIS X 0208 (髙 﨑 鷗), of one kanji, with 々, and with a byte of 5C in Shift_JIS (表)."""
_GIVEN_M: tuple[Three, ...] = (
    ("ICHIRO", "一郎", "イチロウ"),
    ("KENTARO", "健太郎", "ケンタロウ"),
    ("SHOHEI", "翔平", "ショウヘイ"),
    ("YOSHINOBU", "能信", "ヨシノブ"),
)
_GIVEN_F: tuple[Three, ...] = (
    ("HANAKO", "花子", "ハナコ"),
    ("KEIKO", "恵子", "ケイコ"),
    ("SAORI", "沙織", "サオリ"),
    ("MIZUHO", "瑞穂", "ミズホ"),
)
_FOREIGN_GIVEN: dict[str, dict[str, Three]] = {
    "WHITFIELD": {
        "F": ("MARGARET ANNE", "Margaret Anne", "マーガレットアン"),
        "M": ("THADDEUS", "Thaddeus", "サディアス"),
    },
    "NGUYEN": {"F": ("THI MINH KHAI", "Thị Minh Khai", "ティミンカイ"), "M": ("VAN DUC", "Văn Đức", "ヴァンドゥック")},
}
_TOWNS = ("港南市海風町", "北浜県瀬音市", "みなも県白帆町", "東雲市若葉台", "緑野県杉谷村")
_HOSPITALS = (
    ("港南みなと総合病院", "KONAN MINATO GENERAL HOSPITAL"),
    ("北浜せせらぎ医療センター", "KITAHAMA SESERAGI MEDICAL CENTER"),
    ("白帆記念病院", "SHIRAHO MEMORIAL HOSPITAL"),
    ("緑野県立杉谷病院", "MIDORINO SUGITANI PREFECTURAL HOSPITAL"),
)
_DEPARTMENTS = (("放射線科", "RADIOLOGY"), ("呼吸器内科", "RESPIRATORY MEDICINE"), ("消化器外科", "GI SURGERY"))
_YEAR_DAYS = 365.2425


@dataclass(frozen=True, slots=True)
class Name:
    """A person's name in its three scripts; each is (family, given)."""

    romaji: tuple[str, str]
    kanji: tuple[str, str]
    kana: tuple[str, str]

    @property
    def half_kana(self) -> tuple[str, str]:
        """The kana in half width."""
        return spelling.half_width(self.kana[0]), spelling.half_width(self.kana[1])

    def pn(self, groups: int = 3) -> str:
        """A PN value of one to three component groups: alphabetic=ideographic=phonetic (PS3.5 section 6.2.1)."""
        scripts = (self.romaji, self.kanji, tuple(spelling.hiragana(k) for k in self.kana))
        return "=".join("^".join(script) for script in scripts[:groups])

    def spellings(self) -> tuple[str, ...]:
        """Every way in which a record may spell the full name, and the parts that are telling on their own.

        A family name of one kanji is not told alone: it is a word of the language.
        """
        hira = (spelling.hiragana(self.kana[0]), spelling.hiragana(self.kana[1]))
        title = (self.romaji[0].title(), self.romaji[1].title())
        forms: set[str] = set()
        for family, given in (self.romaji, title, self.kanji, self.kana, hira, self.half_kana):
            forms |= {f"{family}{sep}{given}" for sep in ("^", " ", "　", "_", "")} | {f"{given} {family}"}
            forms |= {part for part in (family, given) if _telling(part)}
        return tuple(sorted(forms))


_SHORTEST_ASCII, _SHORTEST_HALF_KANA, _SHORTEST_OTHER = 5, 4, 2


def _telling(part: str) -> bool:
    if part.isascii():
        return len(part) >= _SHORTEST_ASCII
    half = any("｡" <= c <= "ﾟ" for c in part)
    return len(part) >= (_SHORTEST_HALF_KANA if half else _SHORTEST_OTHER)


@dataclass(frozen=True, slots=True)
class Persona:
    """An invented patient with everything a record may hold of one."""

    name: Name
    maiden: Name
    """Name before marriage: other family, same given name."""
    patient_id: str
    issuer: str
    other_id: str
    """Number at another hospital."""
    insurance: str
    sex: str
    """M or F."""
    birth: date
    phone: str
    address: str
    address_en: str

    def age_on(self, day: date) -> str:
        """Age on a day as a value of VR AS."""
        return f"{int((day - self.birth).days / _YEAR_DAYS):03}Y"

    def spellings(self) -> tuple[str, ...]:
        """Every spelling of everything that tells who this is."""
        ids = (self.patient_id, self.other_id, self.insurance)
        forms = {*self.name.spellings(), *self.maiden.spellings(), *ids, *(spelling.full_width(i) for i in ids)}
        forms |= {self.phone, self.phone.replace("-", ""), spelling.full_width(self.phone), self.address}
        return tuple(sorted(forms | {self.address_en} | set(spelling.dates(self.birth).values())))


@dataclass(frozen=True, slots=True)
class Site:
    """An invented hospital and those who work there."""

    name: str
    name_en: str
    department: str
    department_en: str
    address: str
    phone: str
    station: str
    device_serial: str
    referring: Name
    radiologist: Name
    verifier: Name
    operator: Name

    def spellings(self) -> tuple[str, ...]:
        """Every spelling of everything that tells the place or somebody in it; a department's name tells neither."""
        people = (self.referring, self.radiologist, self.verifier, self.operator)
        places = {self.name, self.name_en, self.address, self.phone, self.station, self.device_serial}
        return tuple(sorted(places.union(*(p.spellings() for p in people))))


def personas(seed: int, count: int) -> tuple[Persona, ...]:
    """The first ``count`` invented patients of a seed: names and shapes of numbers in turn, the fourth over ninety."""
    rng = random.Random(f"persona {seed}")
    return tuple(_persona(rng, (seed + n) % len(FAMILIES), n) for n in range(count))


def _persona(rng: random.Random, family: int, number: int) -> Persona:
    sex = "MF"[number % 2]
    given = _given(rng, FAMILIES[family][0], sex)
    own = _name(FAMILIES[family], given)
    maiden = _name(FAMILIES[(family + 7) % len(FAMILIES)], given)
    years = 92 if number % 8 == 3 else rng.randint(24, 86)  # noqa: PLR2004 - over the cap of 89
    birth = date(2024, 1, 1) - timedelta(days=round(years * _YEAR_DAYS) + rng.randint(5, 300))
    block, house = rng.randint(11, 99), rng.randint(101, 999)
    return Persona(
        name=own,
        maiden=maiden,
        patient_id=_patient_id(rng, number),
        issuer=f"ISSUER{rng.randint(1000, 9999)}",
        other_id=f"EXT-{rng.randint(10**7, 10**8 - 1)}",
        insurance=f"{rng.randint(10**7, 10**8 - 1)}-{rng.randint(10**5, 10**6 - 1)}",
        sex=sex,
        birth=birth,
        phone=f"0{rng.randint(70, 99)}-{rng.randint(1000, 9999)}-{rng.randint(1000, 9999)}",
        address=f"{rng.choice(_TOWNS)}{block}番地{house}号",
        address_en=f"{block}-{house} Umikaze, Konan",
    )


def _given(rng: random.Random, family: str, sex: str) -> Three:
    foreign = _FOREIGN_GIVEN.get(family)
    return foreign[sex] if foreign else rng.choice(_GIVEN_M if sex == "M" else _GIVEN_F)


def _name(family: Three, given: Three) -> Name:
    return Name((family[0], given[0]), (family[1], given[1]), (family[2], given[2]))


def _patient_id(rng: random.Random, number: int) -> str:
    """Eight shapes, none so short or plain that it could turn up by chance."""
    tail = rng.randint(10**6, 10**7 - 1)
    shapes = ("000{0}", "A-{0}", "{0}-2", "KM{0}X", "00{1}-{2}-41", "9{0}77", "{0}_CT", "2024-{0}")
    return shapes[number % len(shapes)].format(tail, str(tail)[:3], str(tail)[3:])


def site(seed: int) -> Site:
    """The invented hospital of a seed."""
    rng = random.Random(f"site {seed}")
    name, name_en = _HOSPITALS[seed % len(_HOSPITALS)]
    department, department_en = rng.choice(_DEPARTMENTS)
    doctors = [
        _name(family, _given(rng, family[0], sex))
        for family, sex in zip(
            (
                ("KUROIWA", "黒岩", "クロイワ"),
                ("TOKORO", "所澤", "トコロザワ"),
                ("MATSUYOSHI", "松吉", "マツヨシ"),
                ("WAKASUGI", "若杉", "ワカスギ"),
            ),
            rng.sample("MFMF", 4),
            strict=True,
        )
    ]
    return Site(
        name=name,
        name_en=name_en,
        department=department,
        department_en=department_en,
        address=f"{rng.choice(_TOWNS)}{rng.randint(11, 99)}丁目{rng.randint(101, 999)}",
        phone=f"0{rng.randint(70, 99)}-{rng.randint(100, 999)}-{rng.randint(1000, 9999)}",
        station=f"CTROOM{rng.randint(100, 999)}KNN",
        device_serial=f"SN{rng.randint(10**6, 10**7 - 1)}",
        referring=doctors[0],
        radiologist=doctors[1],
        verifier=doctors[2],
        operator=doctors[3],
    )
