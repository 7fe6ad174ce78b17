"""The concepts of the miniature world and their real words in six languages.

A table line holds one concept, its words in the order of `LANGUAGES`. Words stand in the form of a
dictionary: the world does not inflect, so every sentence is built from the same word forms.
"""

from __future__ import annotations

from typing import Final

LANGUAGES: Final[tuple[str, ...]] = ("en", "fr", "de", "es", "id", "ru")
FOREIGN: Final[tuple[str, ...]] = ("de", "es", "fr", "id", "ru")

_TABLES: Final[dict[str, str]] = {
    "animal": """
cat chat Katze gato kucing кот
dog chien Hund perro anjing собака
horse cheval Pferd caballo kuda лошадь
cow vache Kuh vaca sapi корова
pig cochon Schwein cerdo babi свинья
sheep mouton Schaf oveja domba овца
goat chèvre Ziege cabra kambing коза
rabbit lapin Kaninchen conejo kelinci кролик
mouse souris Maus ratón tikus мышь
bear ours Bär oso beruang медведь
wolf loup Wolf lobo serigala волк
fox renard Fuchs zorro rubah лиса
lion lion Löwe león singa лев
tiger tigre Tiger tigre harimau тигр
elephant éléphant Elefant elefante gajah слон
monkey singe Affe mono monyet обезьяна
fish poisson Fisch pez ikan рыба
shark requin Hai tiburón hiu акула
whale baleine Wal ballena paus кит
frog grenouille Frosch rana katak лягушка
snake serpent Schlange serpiente ular змея
duck canard Ente pato bebek утка
camel chameau Kamel camello unta верблюд
eagle aigle Adler águila elang орёл
""",
    "food": """
apple pomme Apfel manzana apel яблоко
bread pain Brot pan roti хлеб
cheese fromage Käse queso keju сыр
milk lait Milch leche susu молоко
rice riz Reis arroz nasi рис
egg œuf Ei huevo telur яйцо
banana banane Banane plátano pisang банан
lemon citron Zitrone limón lemon лимон
tomato tomate Tomate tomate tomat помидор
carrot carotte Karotte zanahoria wortel морковь
grape raisin Traube uva anggur виноград
pear poire Birne pera pir груша
cherry cerise Kirsche cereza ceri вишня
strawberry fraise Erdbeere fresa stroberi клубника
cucumber concombre Gurke pepino mentimun огурец
salad salade Salat ensalada selada салат
honey miel Honig miel madu мёд
sugar sucre Zucker azúcar gula сахар
salt sel Salz sal garam соль
coffee café Kaffee café kopi кофе
butter beurre Butter mantequilla mentega масло
plum prune Pflaume ciruela prem слива
""",
    "colour": """
red rouge rot rojo merah красный
blue bleu blau azul biru синий
green vert grün verde hijau зелёный
yellow jaune gelb amarillo kuning жёлтый
black noir schwarz negro hitam чёрный
white blanc weiß blanco putih белый
brown brun braun marrón cokelat коричневый
orange orange orange naranja oranye оранжевый
purple violet lila morado ungu фиолетовый
grey gris grau gris kelabu серый
""",
    "city": """
Paris Paris Paris París Paris Париж
Berlin Berlin Berlin Berlín Berlin Берлин
Munich Munich München Múnich Munich Мюнхен
Madrid Madrid Madrid Madrid Madrid Мадрид
Seville Séville Sevilla Sevilla Sevilla Севилья
Rome Rome Rom Roma Roma Рим
Milan Milan Mailand Milán Milan Милан
Moscow Moscou Moskau Moscú Moskwa Москва
Jakarta Jakarta Jakarta Yakarta Jakarta Джакарта
London Londres London Londres London Лондон
Lisbon Lisbonne Lissabon Lisboa Lisboa Лиссабон
Vienna Vienne Wien Viena Wina Вена
Athens Athènes Athen Atenas Athena Афины
Tokyo Tokyo Tokio Tokio Tokyo Токио
Warsaw Varsovie Warschau Varsovia Warsawa Варшава
Oslo Oslo Oslo Oslo Oslo Осло
""",
    "country": """
France France Frankreich Francia Prancis Франция
Germany Allemagne Deutschland Alemania Jerman Германия
Spain Espagne Spanien España Spanyol Испания
Italy Italie Italien Italia Italia Италия
Russia Russie Russland Rusia Rusia Россия
Indonesia Indonésie Indonesien Indonesia Indonesia Индонезия
England Angleterre England Inglaterra Inggris Англия
Portugal Portugal Portugal Portugal Portugal Португалия
Austria Autriche Österreich Austria Austria Австрия
Greece Grèce Griechenland Grecia Yunani Греция
Japan Japon Japan Japón Jepang Япония
Poland Pologne Polen Polonia Polandia Польша
Norway Norvège Norwegen Noruega Norwegia Норвегия
""",
    "job": """
teacher professeur Lehrer maestro guru учитель
doctor médecin Arzt médico dokter врач
nurse infirmier Krankenpfleger enfermero perawat медсестра
cook cuisinier Koch cocinero koki повар
seller vendeur Verkäufer vendedor penjual продавец
worker ouvrier Arbeiter obrero buruh рабочий
actor acteur Schauspieler actor aktor актёр
singer chanteur Sänger cantante penyanyi певец
farmer fermier Bauer granjero petani фермер
judge juge Richter juez hakim судья
sailor marin Matrose marinero pelaut моряк
hunter chasseur Jäger cazador pemburu охотник
secretary secrétaire Sekretär secretario sekretaris секретарь
student étudiant Student estudiante mahasiswa студент
driver chauffeur Fahrer conductor sopir водитель
waiter serveur Kellner camarero pelayan официант
painter peintre Maler pintor pelukis художник
fisherman pêcheur Fischer pescador nelayan рыбак
""",
    "object": """
book livre Buch libro buku книга
cup tasse Tasse taza cangkir чашка
chair chaise Stuhl silla kursi стул
table table Tisch mesa meja стол
lamp lampe Lampe lámpara lampu лампа
bag sac Tasche bolsa tas сумка
ball ballon Ball pelota bola мяч
hat chapeau Hut sombrero topi шляпа
shoe chaussure Schuh zapato sepatu ботинок
shirt chemise Hemd camisa kemeja рубашка
knife couteau Messer cuchillo pisau нож
spoon cuillère Löffel cuchara sendok ложка
key clé Schlüssel llave kunci ключ
box boîte Kiste caja kotak коробка
clock horloge Uhr reloj jam часы
mirror miroir Spiegel espejo cermin зеркало
bed lit Bett cama ranjang кровать
door porte Tür puerta pintu дверь
letter lettre Brief carta surat письмо
phone téléphone Telefon teléfono telepon телефон
guitar guitare Gitarre guitarra gitar гитара
""",
    "place": """
house maison Haus casa rumah дом
farm ferme Bauernhof granja peternakan ферма
forest forêt Wald bosque hutan лес
jungle jungle Dschungel selva rimba джунгли
sea mer Meer mar laut море
lake lac See lago danau озеро
desert désert Wüste desierto gurun пустыня
mountain montagne Berg montaña gunung гора
garden jardin Garten jardín taman сад
school école Schule escuela sekolah школа
clinic clinique Klinik clínica klinik клиника
kitchen cuisine Küche cocina dapur кухня
shop magasin Laden tienda toko магазин
market marché Markt mercado pasar рынок
office bureau Büro oficina kantor офис
factory usine Fabrik fábrica pabrik завод
theatre théâtre Theater teatro teater театр
library bibliothèque Bibliothek biblioteca perpustakaan библиотека
museum musée Museum museo museum музей
harbour port Hafen puerto pelabuhan порт
court tribunal Gericht tribunal pengadilan суд
station gare Bahnhof estación stasiun вокзал
hotel hôtel Hotel hotel hotel отель
""",
    "number": """
one un eins uno satu один
two deux zwei dos dua два
three trois drei tres tiga три
four quatre vier cuatro empat четыре
five cinq fünf cinco lima пять
six six sechs seis enam шесть
seven sept sieben siete tujuh семь
eight huit acht ocho delapan восемь
""",
    "adjective": """
big grand groß grande besar большой
small petit klein pequeño kecil маленький
hot chaud heiß caliente panas горячий
cold froid kalt frío dingin холодный
new neuf neu nuevo baru новый
old vieux alt viejo tua старый
good bon gut bueno baik хороший
bad mauvais schlecht malo buruk плохой
fast rapide schnell rápido cepat быстрый
slow lent langsam lento lambat медленный
long long lang largo panjang длинный
short court kurz corto pendek короткий
strong fort stark fuerte kuat сильный
weak faible schwach débil lemah слабый
rich riche reich rico kaya богатый
poor pauvre arm pobre miskin бедный
happy heureux glücklich feliz bahagia счастливый
sad triste traurig triste sedih грустный
full plein voll lleno penuh полный
empty vide leer vacío kosong пустой
clean propre sauber limpio bersih чистый
dirty sale schmutzig sucio kotor грязный
open ouvert offen abierto terbuka открытый
closed fermé geschlossen cerrado tertutup закрытый
""",
    "name": """
Anna Anna Anna Anna Anna Анна
Boris Boris Boris Boris Boris Борис
Clara Clara Clara Clara Clara Клара
David David David David David Давид
Emma Emma Emma Emma Emma Эмма
Felix Felix Felix Felix Felix Феликс
Greta Greta Greta Greta Greta Грета
Hugo Hugo Hugo Hugo Hugo Гуго
Irina Irina Irina Irina Irina Ирина
Jonas Jonas Jonas Jonas Jonas Йонас
Leon Leon Leon Leon Leon Леон
Maria Maria Maria Maria Maria Мария
Nina Nina Nina Nina Nina Нина
Oscar Oscar Oscar Oscar Oscar Оскар
Peter Peter Peter Peter Peter Петер
Rosa Rosa Rosa Rosa Rosa Роза
""",
    "kind": """
animal animal Tier animal hewan животное
food aliment Essen comida makanan еда
colour couleur Farbe color warna цвет
city ville Stadt ciudad kota город
country pays Land país negara страна
job métier Beruf oficio pekerjaan профессия
object objet Ding objeto benda предмет
place lieu Ort lugar tempat место
number nombre Zahl número angka число
""",
}


def _parse(table: str) -> dict[str, dict[str, str]]:
    """English word -> language -> word, in the order of the table."""
    rows = [line.split() for line in table.strip().splitlines()]
    return {row[0]: dict(zip(LANGUAGES, row, strict=True)) for row in rows}


CONCEPTS: Final[dict[str, dict[str, dict[str, str]]]] = {kind: _parse(text) for kind, text in _TABLES.items()}
WORDS: Final[dict[str, dict[str, str]]] = {
    concept: words for table in CONCEPTS.values() for concept, words in table.items()
}
KIND_OF: Final[dict[str, str]] = {
    concept: kind for kind, table in CONCEPTS.items() if kind != "kind" for concept in table
}
THINGS: Final[tuple[str, ...]] = tuple(
    concept for concept, kind in KIND_OF.items() if kind not in ("name", "adjective")
)


def members(kind: str) -> tuple[str, ...]:
    """The concepts of a category, by their English words."""
    return tuple(CONCEPTS[kind])


def say(concept: str, language: str) -> str:
    """The word of a concept in a language."""
    return WORDS[concept][language]


def say_all(concepts: list[str], language: str) -> list[str]:
    return [say(concept, language) for concept in concepts]
