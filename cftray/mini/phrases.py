# ruff: noqa: E501
"""Sentence, question and task templates in the six languages of the world.

Each line reads `key = en | fr | de | es | id | ru`. The grammar is that of a phrase book: no articles
outside English and no inflection, so that one template serves every concept.
"""

from __future__ import annotations

from typing import Final

from cftray.mini.lexicon import LANGUAGES

_STATEMENTS: Final = """
home = The {x} lives in the {y}. | {x} vit dans {y}. | {x} lebt in {y}. | {x} habita en {y}. | {x} hidup di {y}. | {x} обитает в {y}.
workplace = The {x} works in the {y}. | {x} travaille dans {y}. | {x} arbeitet in {y}. | {x} trabaja en {y}. | {x} bekerja di {y}. | {x} работает в {y}.
tint = The colour of {x} is {y}. | {x} est de couleur {y}. | {x} hat die Farbe {y}. | {x} es de color {y}. | {x} berwarna {y}. | {x} имеет цвет {y}.
country = The city {x} lies in {y}. | {x} se trouve en {y}. | {x} liegt in {y}. | {x} queda en {y}. | {x} terletak di {y}. | {x} находится в {y}.
kind = The word {x} is a kind of {y}. | {x} est une sorte de {y}. | {x} ist eine Art {y}. | {x} es un tipo de {y}. | {x} adalah jenis {y}. | {x} это вид {y}.
opposite = The opposite of {x} is {y}. | le contraire de {x} est {y}. | das Gegenteil von {x} ist {y}. | lo contrario de {x} es {y}. | lawan dari {x} adalah {y}. | противоположность {x} это {y}.
live = {n} lives in {x}. | {n} habite à {x}. | {n} wohnt in {x}. | {n} vive en {x}. | {n} tinggal di {x}. | {n} живёт в {x}.
like = {n} likes {x}. | {n} aime {x}. | {n} mag {x}. | {n} prefiere {x}. | {n} suka {x}. | {n} любит {x}.
have = {n} has the {x}. | {n} possède {x}. | {n} hat {x}. | {n} tiene {x}. | {n} punya {x}. | {n} имеет {x}.
go = {n} goes to the {x}. | {n} va à {x}. | {n} geht zu {x}. | {n} va a {x}. | {n} pergi ke {x}. | {n} идёт в {x}.
be = {n} is the {x}. | {n} est {x}. | {n} ist {x}. | {n} es {x}. | {n} adalah {x}. | {n} работает как {x}.
see = {n} sees the {x}. | {n} voit {x}. | {n} sieht {x}. | {n} ve {x}. | {n} melihat {x}. | {n} видит {x}.
stand = The {n} is in the {x}. | {n} est dans {x}. | {n} steht in {x}. | {n} está en {x}. | {n} berada di {x}. | {n} стоит в {x}.
"""

_QUESTIONS: Final = """
home = Where does the {x} live? | où vit {x}? | wo lebt {x}? | dónde habita {x}? | di mana {x} hidup? | где обитает {x}?
workplace = Where does the {x} work? | où travaille {x}? | wo arbeitet {x}? | dónde trabaja {x}? | di mana {x} bekerja? | где работает {x}?
tint = What is the colour of {x}? | quelle est la couleur de {x}? | welche Farbe hat {x}? | de qué color es {x}? | apa warna {x}? | какой цвет имеет {x}?
country = In which country lies {x}? | dans quel pays se trouve {x}? | in welchem Land liegt {x}? | en qué país queda {x}? | di negara mana {x} terletak? | в какой стране находится {x}?
kind = What kind of thing is {x}? | quelle sorte de chose est {x}? | welche Art Ding ist {x}? | qué tipo de cosa es {x}? | apa jenis {x}? | какой это вид: {x}?
opposite = What is the opposite of {x}? | quel est le contraire de {x}? | was ist das Gegenteil von {x}? | qué es lo contrario de {x}? | apa lawan dari {x}? | какая противоположность у {x}?
live = Where does {n} live? | où habite {n}? | wo wohnt {n}? | dónde vive {n}? | di mana {n} tinggal? | где живёт {n}?
like = What does {n} like? | qu'aime {n}? | was mag {n}? | qué prefiere {n}? | apa yang {n} suka? | что любит {n}?
have = What does {n} have? | que possède {n}? | was hat {n}? | qué tiene {n}? | apa yang {n} punya? | что имеет {n}?
go = Where does {n} go? | où va {n}? | wohin geht {n}? | a dónde va {n}? | ke mana {n} pergi? | куда идёт {n}?
be = What is the job of {n}? | quel métier a {n}? | welchen Beruf hat {n}? | qué oficio tiene {n}? | apa pekerjaan {n}? | какая профессия у {n}?
see = What does {n} see? | que voit {n}? | was sieht {n}? | qué ve {n}? | apa yang {n} lihat? | что видит {n}?
stand = Where is the {n}? | où est {n}? | wo steht {n}? | dónde está {n}? | di mana {n} berada? | где стоит {n}?
hold = What is in the {n}? | qu'y a-t-il dans {n}? | was steht in {n}? | qué está en {n}? | apa yang berada di {n}? | что стоит в {n}?
"""

_TASKS: Final = """
reverse = Reverse the list: {l} | inverse la liste: {l} | kehre die Liste um: {l} | invierte la lista: {l} | balikkan daftar: {l} | переверни список: {l}
count = How many words are in the list: {l} | combien de mots dans la liste: {l} | wie viele Wörter hat die Liste: {l} | cuántas palabras hay en la lista: {l} | berapa kata dalam daftar: {l} | сколько слов в списке: {l}
first = Give the first word of the list: {l} | donne le premier mot de la liste: {l} | nenne das erste Wort der Liste: {l} | da la primera palabra de la lista: {l} | sebutkan kata pertama dari daftar: {l} | назови первое слово списка: {l}
last = Give the last word of the list: {l} | donne le dernier mot de la liste: {l} | nenne das letzte Wort der Liste: {l} | da la última palabra de la lista: {l} | sebutkan kata terakhir dari daftar: {l} | назови последнее слово списка: {l}
odd = Find the odd word in the list: {l} | trouve l'intrus dans la liste: {l} | finde das falsche Wort in der Liste: {l} | busca la palabra intrusa de la lista: {l} | cari kata yang beda dalam daftar: {l} | найди лишнее слово в списке: {l}
list = List {k} words of the kind {x}. | cite {k} mots de sorte {x}. | nenne {k} Wörter der Art {x}. | nombra {k} palabras de tipo {x}. | sebutkan {k} kata dari jenis {x}. | назови {k} слов вида {x}.
begin = Begin with {w}. | commence par {w}. | beginne mit {w}. | empieza con {w}. | mulai dengan {w}. | начни с {w}.
headline = Write a headline for the text. | écris un titre pour le texte. | schreibe einen Titel für den Text. | escribe un título para el texto. | tulis judul untuk teks itu. | напиши заголовок для текста.
"""

_FORMATS: Final = """
bullets = Use bullets. | utilise des puces. | benutze Stichpunkte. | usa viñetas. | pakai poin. | используй пункты.
semicolons = Put semicolons between the words. | mets des points-virgules entre les mots. | setze Strichpunkte zwischen die Wörter. | pon puntos y comas entre las palabras. | pakai titik koma di antara kata. | ставь точки с запятой между словами.
quotes = Put your answer in quotes. | mets ta réponse entre guillemets. | setze die Antwort in Anführungszeichen. | pon tu respuesta entre comillas. | tulis jawaban dalam tanda kutip. | поставь ответ в кавычки.
at_most = Use at most {k} words. | utilise au plus {k} mots. | benutze höchstens {k} Wörter. | usa como máximo {k} palabras. | pakai paling banyak {k} kata. | используй не больше чем {k} слов.
"""

_REASONING: Final = """
system_steps = Think first and then answer. | réfléchis et réponds ensuite. | denke nach und antworte dann. | piensa primero y responde luego. | pikir dulu lalu jawab. | сначала подумай и потом ответь.
system_teach = You help a child. | tu aides un enfant. | du hilfst einem Kind. | ayudas a un niño. | kamu membantu seorang anak. | ты помогаешь ребёнку.
see_list = The list is: {l}. | la liste est: {l}. | die Liste ist: {l}. | la lista es: {l}. | daftar itu: {l}. | вот список: {l}.
see_text = The text is about {n}. | le texte parle de {n}. | der Text ist über {n}. | el texto habla de {n}. | teks itu tentang {n}. | в тексте есть {n}.
so = So the answer is: {a}. | donc la réponse est: {a}. | also ist die Antwort: {a}. | entonces la respuesta es: {a}. | jadi jawabannya: {a}. | значит ответ: {a}.
"""


def _parse(table: str) -> dict[str, dict[str, str]]:
    templates: dict[str, dict[str, str]] = {}
    for line in table.strip().splitlines():
        key, texts = line.split(" = ", 1)
        templates[key] = dict(zip(LANGUAGES, (text.strip() for text in texts.split(" | ")), strict=True))
    return templates


STATEMENTS: Final = _parse(_STATEMENTS)
QUESTIONS: Final = _parse(_QUESTIONS)
TASKS: Final = _parse(_TASKS)
FORMATS: Final = _parse(_FORMATS)
REASONING: Final = _parse(_REASONING)
