"""Languages by their ISO 639 codes, and what translation models call them.

A language is written by its ISO 639-1 code, or its ISO 639-3 code where it has no shorter one; both are
understood. A line of the table: code, ISO 639-3, the code in NLLB-200, in M2M-100 and in MADLAD-400 (`-`: does
not know it; `=`: the first column), the name. Where NLLB has a language in several scripts or as several members
of a macrolanguage, the one that most people write is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_TABLE: Final = """
af afr afr_Latn = = Afrikaans
am amh amh_Ethi = = Amharic
ar ara arb_Arab = = Arabic
as asm asm_Beng - = Assamese
ast ast ast_Latn = = Asturian
az aze azj_Latn = = Azerbaijani
ba bak bak_Cyrl = = Bashkir
be bel bel_Cyrl = = Belarusian
bg bul bul_Cyrl = = Bulgarian
bn ben ben_Beng = = Bengali
bo bod bod_Tibt - = Tibetan
br bre - = = Breton
bs bos bos_Latn = = Bosnian
ca cat cat_Latn = = Catalan
ceb ceb ceb_Latn = = Cebuano
ckb ckb ckb_Arab - = Central Kurdish
cs ces ces_Latn = = Czech
cy cym cym_Latn = = Welsh
da dan dan_Latn = = Danish
de deu deu_Latn = = German
el ell ell_Grek = = Greek
en eng eng_Latn = = English
eo epo epo_Latn - = Esperanto
es spa spa_Latn = = Spanish
et est est_Latn = = Estonian
eu eus eus_Latn - = Basque
fa fas pes_Arab = = Persian
ff ful fuv_Latn = = Fulah
fi fin fin_Latn = = Finnish
fr fra fra_Latn = = French
fy fry - = = Western Frisian
ga gle gle_Latn = = Irish
gd gla gla_Latn = = Scottish Gaelic
gl glg glg_Latn = = Galician
gu guj guj_Gujr = = Gujarati
ha hau hau_Latn = = Hausa
he heb heb_Hebr = = Hebrew
hi hin hin_Deva = = Hindi
hr hrv hrv_Latn = = Croatian
ht hat hat_Latn = = Haitian
hu hun hun_Latn = = Hungarian
hy hye hye_Armn = = Armenian
id ind ind_Latn = = Indonesian
ig ibo ibo_Latn = = Igbo
ilo ilo ilo_Latn = = Iloko
is isl isl_Latn = = Icelandic
it ita ita_Latn = = Italian
ja jpn jpn_Jpan = = Japanese
jv jav jav_Latn = = Javanese
ka kat kat_Geor = = Georgian
kk kaz kaz_Cyrl = = Kazakh
km khm khm_Khmr = = Khmer
kn kan kan_Knda = = Kannada
ko kor kor_Hang = = Korean
ku kur kmr_Latn - = Kurdish
ky kir kir_Cyrl - = Kyrgyz
lb ltz ltz_Latn = = Luxembourgish
lg lug lug_Latn = = Ganda
ln lin lin_Latn = = Lingala
lo lao lao_Laoo = = Lao
lt lit lit_Latn = = Lithuanian
lv lav lvs_Latn = = Latvian
mg mlg plt_Latn = = Malagasy
mi mri mri_Latn - = Maori
mk mkd mkd_Cyrl = = Macedonian
ml mal mal_Mlym = = Malayalam
mn mon khk_Cyrl = = Mongolian
mr mar mar_Deva = = Marathi
ms msa zsm_Latn = = Malay
mt mlt mlt_Latn - = Maltese
my mya mya_Mymr = = Burmese
ne nep npi_Deva = = Nepali
nl nld nld_Latn = = Dutch
nn nno nno_Latn - - Norwegian Nynorsk
no nor nob_Latn = = Norwegian
nso nso nso_Latn ns = Northern Sotho
ny nya nya_Latn - = Nyanja
oc oci oci_Latn = = Occitan
or ori ory_Orya = = Odia
pa pan pan_Guru = = Punjabi
pl pol pol_Latn = = Polish
ps pus pbt_Arab = = Pashto
pt por por_Latn = = Portuguese
ro ron ron_Latn = = Romanian
ru rus rus_Cyrl = = Russian
rw kin kin_Latn - = Kinyarwanda
sa san san_Deva - = Sanskrit
sd snd snd_Arab = = Sindhi
si sin sin_Sinh = = Sinhala
sk slk slk_Latn = = Slovak
sl slv slv_Latn = = Slovenian
sm smo smo_Latn - = Samoan
sn sna sna_Latn - = Shona
so som som_Latn = = Somali
sq sqi als_Latn = = Albanian
sr srp srp_Cyrl = = Serbian
ss ssw ssw_Latn = = Swati
st sot sot_Latn - = Southern Sotho
su sun sun_Latn = = Sundanese
sv swe swe_Latn = = Swedish
sw swa swh_Latn = = Swahili
ta tam tam_Taml = = Tamil
te tel tel_Telu - = Telugu
tg tgk tgk_Cyrl - = Tajik
th tha tha_Thai = = Thai
ti tir tir_Ethi - = Tigrinya
tk tuk tuk_Latn - = Turkmen
tl tgl tgl_Latn = fil Tagalog
tn tsn tsn_Latn = = Tswana
tr tur tur_Latn = = Turkish
tt tat tat_Cyrl - = Tatar
ug uig uig_Arab - = Uyghur
uk ukr ukr_Cyrl = = Ukrainian
ur urd urd_Arab = = Urdu
uz uzb uzn_Latn = = Uzbek
vi vie vie_Latn = = Vietnamese
wo wol wol_Latn = = Wolof
xh xho xho_Latn = = Xhosa
yi yid ydd_Hebr = = Yiddish
yo yor yor_Latn = = Yoruba
yue yue yue_Hant - = Cantonese
zh zho zho_Hans = = Chinese
zu zul zul_Latn = = Zulu
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """`code` is what rows carry; `nllb`, `m2m100`, `madlad` are null where that model does not know it."""

    code: str
    iso3: str
    nllb: str | None
    m2m100: str | None
    madlad: str | None
    name: str


def _parse() -> dict[str, Language]:
    found = {}
    for line in _TABLE.strip().splitlines():
        code, iso3, *models, name = line.split(" ", 5)
        nllb, m2m100, madlad = (None if one == "-" else code if one == "=" else one for one in models)
        found[code] = Language(code=code, iso3=iso3, nllb=nllb, m2m100=m2m100, madlad=madlad, name=name)
    return found


LANGUAGES: Final[dict[str, Language]] = _parse()
_BY_ISO3: Final[dict[str, Language]] = {one.iso3: one for one in LANGUAGES.values()}


def language_of(code: str) -> Language | None:
    """The language of an ISO 639-1 or 639-3 code."""
    return LANGUAGES.get(code) or _BY_ISO3.get(code)
