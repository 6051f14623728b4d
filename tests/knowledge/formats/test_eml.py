"""Mail: who wrote to whom, the best body, and attachments as sections of their own."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from books import zipped

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import eml


def message(body: str = "It is hot.", subject: str = "Boiler") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Date"] = "Ann <ann@example.org>", "bob@example.org", "Fri, 16 Dec 2022 17:04:16 -0500"
    mail["Subject"] = subject
    mail.set_content(body)
    return mail


def test_headers_and_body_stand_under_the_subject() -> None:
    document = eml.extract(message().as_bytes())
    head = "From: Ann <ann@example.org>\nTo: bob@example.org\nDate: Fri, 16 Dec 2022 17:04:16 -0500"
    assert document.text == f"Boiler\n\n{head}\n\nIt is hot.\n\n"
    assert document.title == "Boiler"


def test_the_plain_body_stands_before_the_html_one() -> None:
    mail = message()
    mail.add_alternative("<p>It is <b>not</b> read.</p>", subtype="html")
    assert "not" not in eml.extract(mail.as_bytes()).text


def test_html_is_read_where_the_plain_body_is_empty() -> None:
    mail = message(" ")
    mail.add_alternative("<p>It is <b>hot</b>.</p>", subtype="html")
    assert "It is hot." in eml.extract(mail.as_bytes()).text


def test_attachments_are_sections_read_by_their_own_formats() -> None:
    mail = message()
    mail.add_attachment(b"Part,Bar\nValve,7\n", maintype="text", subtype="csv", filename="parts.csv")
    mail.add_attachment(zipped({"a.md": "# Pump\n\nIt runs."}), maintype="application", subtype="zip", filename="a.zip")
    mail.add_attachment(b"\x89PNG", maintype="image", subtype="vnd.adobe.photoshop", filename="logo.psd")
    document = eml.extract(mail.as_bytes())
    assert "parts.csv\n\n- Part: Valve; Bar: 7\n" in document.text
    assert [(heading.level, heading.text) for heading in document.headings] == [
        (1, "Boiler"), (2, "parts.csv"), (2, "a.zip"), (3, "a.md"), (4, "Pump"),
    ]  # fmt: skip
    assert document.missing == "not read: logo.psd (files of this type are not read)"


def test_a_forwarded_message_is_a_section() -> None:
    mail = message()
    mail.add_attachment(message("The valve broke.", "Valve"))
    document = eml.extract(mail.as_bytes())
    assert "The valve broke." in document.text
    assert "Valve" in [heading.text for heading in document.headings]


def test_messages_inside_messages_are_read_three_deep() -> None:
    mail = message("the bottom")
    for level in range(5):
        around = message(f"level {level}")
        around.add_attachment(mail)
        mail = around
    document = eml.extract(mail.as_bytes())
    assert "level 1" in document.text
    assert "the bottom" not in document.text
    assert "more than 3 containers deep" in document.missing


@pytest.mark.parametrize(
    ("header", "subject"),
    [
        ("=?utf-8?q?Gr=C3=B6=C3=9Fe?=", "Größe"),
        ("=?iso-8859-1?q?Gr=F6=DFe?= =?utf-8?b?IMO8YmVy?=", "Größe über"),
        ("=?klingon?q?Gr?= x", "Gr x"),
        ("=?utf-8?b?!!!?=", "=?utf-8?b?!!!?="),
    ],
)
def test_subjects_are_decoded_as_far_as_they_can_be(header: str, subject: str) -> None:
    assert eml.extract(f"Subject: {header}\nFrom: a\n\nHot.".encode()).title == subject


@pytest.mark.parametrize(
    "part",
    [
        b"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=F6=DFe =ZZ\n",
        b"Content-Type: text/plain; charset=no-such\n\nGr\xc3\xb6\xc3\x9fe\n",
        b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nR3LDtsOfZQ\n",
        b'Content-Type: text/plain; charset="\n\nGr\xc3\xb6\xc3\x9fe\n',
    ],
)
def test_faults_of_encoding_and_charset_are_tolerated(part: bytes) -> None:
    assert "Größe" in eml.extract(b"From: a\nSubject: s\n" + part).text


def test_a_message_saved_as_utf_16_is_read() -> None:
    assert "It is hot." in eml.extract(message().as_string().encode("utf-16")).text


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="none of the headers"):
        eml.extract(b"Just a note.")


def test_parts_nested_too_deeply_are_refused() -> None:
    raw = "From: a\n" + "".join(f'Content-Type: multipart/mixed; boundary="{n}"\n\n--{n}\n' for n in range(40)) + "\nx"
    with pytest.raises(DocumentRefused, match="20 inside one another"):
        eml.extract(raw.encode())


def test_boundaries_that_would_take_long_are_refused() -> None:
    raw = "From: a\n" + 'Content-Type: multipart/mixed; boundary="b"\n' * 40 + "\n" + "x\n" * 600_000
    with pytest.raises(DocumentRefused, match="too many parts for its length"):
        eml.extract(raw.encode())


def test_headers_that_would_fill_the_memory_are_refused() -> None:
    with pytest.raises(DocumentRefused, match="more than 1 MiB of headers"):
        eml.extract(b"From: a\n" + b"X: y\n" * 300_000 + b"\nHot.")


def test_a_mail_of_too_many_parts_is_refused_before_they_are_made() -> None:
    head = b"Subject: a\nContent-Type: multipart/mixed; boundary=b\n\n"
    with pytest.raises(DocumentRefused, match="more than 1,000 parts"):
        eml.extract(head + b"--b\nContent-Type: text/plain\n\nwords\n" * 100_000 + b"--b--\n")


def test_a_part_without_a_name_has_the_same_suffix_on_every_machine() -> None:
    head = b"Subject: a\nContent-Type: multipart/mixed; boundary=b\n\n"
    part = b"--b\nContent-Type: text/csv\nContent-Disposition: attachment\n\nPart,Bar\nValve,7\n--b--\n"
    assert "part 1.csv" in eml.extract(head + part).text
