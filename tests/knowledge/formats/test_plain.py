"""Plain text in whatever encoding it was saved."""

from __future__ import annotations

import pytest

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import plain

GERMAN = "Der Vertrag kann mit einer Frist von drei Monaten gekündigt werden."
RUSSIAN = "Договор может быть расторгнут с уведомлением за три месяца."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"])
def test_german_is_read_in(encoding: str) -> None:
    assert plain.extract(GERMAN.encode(encoding)).text == f"{GERMAN}\n\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("café", "latin-1"),
        ("Le café est fermé à Noël, déjà vu par les élèves.", "latin-1"),
        ("El niño comió piñas mañana, ¿verdad?", "cp1252"),
        ("He said “the shop’s closed” — at 5 € per item…", "cp1252"),
        ("Öffnungszeiten: täglich geöffnet. " * 500, "latin-1"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        ("Η σύμβαση μπορεί να καταγγελθεί με προειδοποίηση.", "cp1253"),
        ("Umowa może być rozwiązana z zachowaniem okresu wypowiedzenia, łąka.", "cp1250"),
        ("契約は三か月前の通知により解除することができます。", "shift_jis"),
        ("合同可以提前三个月通知终止。", "gb18030"),
        ("燈塔早上七點開門。", "big5"),
        ("灯台は午前七時に開きます。", "euc-jp"),
        ("등대는 아침 일곱 시에 문을 엽니다.", "euc-kr"),
        ("Маяк открывается в семь утра.", "koi8-r"),
        ("Маяк відчиняється о сьомій ранку. Квитки продаються біля входу.", "koi8-u"),
        ("Latarnia morska jest otwierana o siódmej rano.", "cp1250"),
        ("Latarnia morska jest otwierana o siódmej rano. Bilety są sprzedawane przy wejściu.", "iso8859-2"),
        ("Maják se otevírá v sedm ráno. Vstupenky se prodávají u vchodu.", "cp1250"),
        ("Deniz feneri sabah yedide açılır. Biletler girişte satılır.", "cp1254"),
        ("Švyturys atidaromas septintą ryto. Bilietai parduodami prie įėjimo.", "cp1257"),
        ("המגדלור נפתח בשבע בבוקר.", "cp1255"),
        ("تفتح المنارة في السابعة صباحا.", "cp1256"),
        ("The lighthouse opens at seven. " * 20, "utf-16-le"),
        ("The lighthouse opens at seven.", "utf-16-be"),
        ("The lighthouse opens at seven. " * 10_000 + "Маяк открывается в семь утра.", "cp1251"),
    ],
)
def test_older_encodings_are_told_apart(text: str, encoding: str) -> None:
    assert plain.extract(text.encode(encoding)).text.strip() == text.strip()


@pytest.mark.parametrize("raw", [b"\x00\x01\x02" * 100, b"\x00\x01" * 500, b"text" * 10 + b"\x00" * 10])
def test_binary_data_is_refused(raw: bytes) -> None:
    with pytest.raises(DocumentRefused):
        plain.extract(raw)


def test_a_single_stray_null_is_dropped() -> None:
    assert plain.extract(b"word " * 1000 + b"\x00end").text.split()[-1] == "end"


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_any_line_end_ends_a_line(line_end: str) -> None:
    assert plain.extract(f"One paragraph.{line_end}{line_end}Another.".encode()).text == "One paragraph.\n\nAnother.\n\n"


def test_lines_broken_to_fit_a_width_are_joined() -> None:
    wrapped = (
        "The pump moves thirty litres of water a minute and must be\n"
        "cleaned before every winter, or it will freeze and break its hous-\n"
        "ing in a single night."
    )
    assert plain.extract(wrapped.encode()).text == (
        "The pump moves thirty litres of water a minute and must be cleaned before every winter, "
        "or it will freeze and break its housing in a single night.\n\n"
    )


@pytest.mark.parametrize("by_hand", ["Roses are red,\nviolets are blue", "- one\n- two\n- three", "1. first\n2. second"])
def test_lines_set_by_hand_stay(by_hand: str) -> None:
    assert plain.extract(by_hand.encode()).text == f"{by_hand}\n\n"
