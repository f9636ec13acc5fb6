"""Who speaks in a thread, in what order, and with what words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lapor_sync.domain.report import ItemKind, ThreadItem
from lapor_sync.domain.thread import (
    has_words,
    hiding,
    in_order,
    kind_of,
    last_word,
    paragraphs,
    plain,
    since_disposition,
    words,
)
from tests.growth import is_linear

T0 = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
LETTERS = {"d": ItemKind.DISPOSITION, "a": ItemKind.ANSWER, "r": ItemKind.REPORTER, "l": ItemKind.LOG}


def item(
    id: str = "1", kind: ItemKind = ItemKind.LOG, at: datetime | None = T0, content: str = "kata"
) -> ThreadItem:
    return ThreadItem(id=id, kind=kind, created_at=at, content=content)


def thread(spelled: str) -> tuple[ThreadItem, ...]:
    """`"dar"`: a disposition, an answer, a word of the reporter."""
    return tuple(item(str(n), LETTERS[letter]) for n, letter in enumerate(spelled, 1))


@pytest.mark.parametrize(
    ("template", "institution", "content", "kind"),
    [
        ("disposition", "Kota", "", ItemKind.DISPOSITION),
        ("disposition", None, "diteruskan", ItemKind.DISPOSITION),
        (" Disposition ", "Kota", "x", ItemKind.DISPOSITION),
        ("reply", "Dinas", "Sudah kami perbaiki", ItemKind.ANSWER),
        ("reply_finish", None, "Sudah", ItemKind.ANSWER),
        ("REPLY_x", "Dinas", "Sudah", ItemKind.ANSWER),
        (None, "Dinas", "Sudah", ItemKind.ANSWER),
        ("", "Dinas", "Sudah", ItemKind.ANSWER),
        (None, None, "Terima kasih", ItemKind.REPORTER),
        ("  ", "  ", "Terima kasih", ItemKind.REPORTER),
        (None, "", "", ItemKind.REPORTER),
        ("reply", "Dinas", "<p>&nbsp;</p>", ItemKind.LOG),
        ("reply", None, "", ItemKind.LOG),
        (None, "Dinas", " <br/> ", ItemKind.LOG),
        ("disposition_x", "Dinas", "kata", ItemKind.LOG),
        ("verification", "Dinas", "kata", ItemKind.LOG),
        ("status_reply", None, "kata", ItemKind.LOG),
    ],
)
def test_each_row_of_the_table_of_speakers(
    template: str | None, institution: str | None, content: str, kind: ItemKind
) -> None:
    """The kind is that of the first row that fits."""
    assert kind_of(template_code=template, institution_from=institution, content=content) is kind


@pytest.mark.parametrize(
    "nothing",
    [
        "",
        " ",
        "\n\t",
        "&nbsp;",
        "&amp;nbsp;",
        "<p></p>",
        "<p>&nbsp;<br>&#160;</p>",
        "\u200b",
        "&zwnj;",
        "&shy;",
        "<!-- > -->",
        "&lt;p&gt;&lt;/p&gt;",
        "<img src='a.png'>",
        "\ufeff",
        "<P\nclass='x'>\u2060</P>",
        "<!DOCTYPE html>",
        "\u2800",
    ],
)
def test_what_no_citizen_can_read_are_no_words(nothing: str) -> None:
    """An answer of tags, entities and space alone does not stop a clock."""
    assert words(nothing) == ""
    assert not has_words(nothing)
    assert kind_of(template_code="reply", institution_from="Dinas", content=nothing) is ItemKind.LOG


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("harga < 5000 dan > 3000", "harga < 5000 dan > 3000"),
        ("<p>satu</p><p>dua</p>", "satu dua"),
        ("satu<br>dua", "satu dua"),
        ("a<b>b</b>c", "abc"),
        ("&lt;b&gt;tebal&lt;/b&gt;", "tebal"),
        ("Dinas PU &amp;amp; PR", "Dinas PU & PR"),
        ("  a \u00a0 b ", "a b"),
        ("i <3 LAPOR", "i <3 LAPOR"),
        ("sedang < diproses", "sedang < diproses"),
        ("air <tidak mengalir", "air <tidak mengalir"),
        ('<img alt="a > b">foto', "foto"),
        ("<img alt='tinggi \"> 3 m\"'>foto", "foto"),
        ('<a href="tak selesai>satu</a> dua', '<a href="tak selesai>satu dua'),
        ('<a x="y" <b>satu</b> <i t="z>">dua</i>', "dua"),
        ("satu<!-- dua --> tiga<!-->empat<!-- lima --!>enam", "satu tigaempatenam"),
        ("satu<!-- dua", "satu"),
        ("satu <!DOCTYPE html> dua <?php 1 ?> tiga <![CDATA[ x ]]>", "satu dua tiga"),
        ("satu <?", "satu <?"),
        ("<style>p { color: red }</style>satu<script>if (1 > 2) {}</SCRIPT> dua", "satu dua"),
        ("satu<script>dua", "satu"),
        ("<scripts>satu</scripts>", "satu"),
        ("satu <a ='>' dua", "satu <a ='>' dua"),
        ("satu <a =' <b>dua</b>", "satu <a =' dua"),
        ("&#00000000065;&#x41;&#99999999;&#" + "9" * 4400 + ";", "AA\ufffd\ufffd"),
        ("&amp;#" + "0" * 4400 + "66;", "B"),
    ],
)
def test_words_are_what_a_browser_would_show(text: str, read: str) -> None:
    """Tags go, text that merely holds an angle bracket stays."""
    assert words(text) == read
    assert has_words(text)


OPENINGS = """<div> <!-- <![CDATA[ <? <! </ < <a> <b></p> <script> <style </script <!----> <!- <br> <a@ <p>@ <a@x=@
<a@x=" <a@x='"> <a@="<a@"@ <a@="' <a@x="y"@< ="
& &&&& &# &#9 &#x &#x0 &a &lt; &amp;lt; &notit; &nbsp; <b>&nbsp; @@ =@@"""


@pytest.mark.unmeasured
@pytest.mark.parametrize("opening", [one.replace("@", " ") for one in OPENINGS.split()])
def test_whatever_begins_again_and_again_takes_time_by_its_length(opening: str) -> None:
    """A megabyte of it took minutes, with the whole process waiting."""

    def text(size: int) -> str:
        part = opening * (size // len(opening))
        return f"{part}kata {part}"

    assert is_linear(words, text, 2_000)  # the larger one is too short to be kept from one try to the next


@given(st.text(alphabet="<>&/;!-apbrlt 1\n\u200b\"'="))
@example("<p>\u200b</p>a")
@example("<script>a")
@example("<!-- <br --> a")
@example("<p></p>&lt;b&gt;")
@example("<b>a<")
def test_whether_there_are_words_is_told_without_all_of_them(text: str) -> None:
    """Mostly by the first letter that is no tag's."""
    assert has_words(text) == bool(words(text))


def test_plain_keeps_the_ends_of_lines() -> None:
    """A block's end is a line's end, so that what stands on a line of its own does so still."""
    assert plain("<p>satu</p>dua<br/>tiga") == "satu\ndua\ntiga"


def test_reading_order_is_by_time_then_id_however_upstream_lists_it() -> None:
    """Ids that are numbers sort as numbers, before others."""
    expected = [
        item("0", at=T0),
        item("9", at=T0),
        item("10", at=T0),
        item("9" * 5000, at=T0),
        item("a", at=T0),
        item("1", at=T0 + timedelta(seconds=1)),
    ]
    for shuffled in list(permutations(expected))[:: 720 // 120]:
        assert list(in_order(shuffled)) == expected


@pytest.mark.parametrize("id", ["7", "007", "7" * 5000])
def test_an_item_without_a_time_stands_where_its_id_says(id: str) -> None:
    """Behind the next smaller one, however upstream lists it, and whatever else is beside it."""
    small, great = item("5", at=T0 + timedelta(seconds=1)), item("9" * 5001, at=T0 + timedelta(seconds=3))
    later, named = item("3", at=T0 + timedelta(seconds=5)), item("a", at=T0)
    expected = [named, small, item(id, at=None), great, later]
    for shuffled in permutations(expected):
        assert list(in_order(shuffled)) == expected


def test_an_item_without_a_time_and_with_the_smallest_id_stands_before_the_next() -> None:
    """Not at the thread's begin, where an id that is no number may stand."""
    expected = [item("a", at=T0), item("1", at=None), item("2", at=None), item("5", at=T0 + timedelta(seconds=1))]
    for shuffled in permutations(expected):
        assert list(in_order(shuffled)) == expected


def test_an_item_without_a_time_or_a_number_stands_where_it_was_listed() -> None:
    """Behind the one before it, whichever end upstream begins at."""
    listed = [
        item("h:9", at=None),
        item("4", at=T0),
        item("h:7", at=None),
        item("h:1", at=None),
        item("6", at=T0 + timedelta(seconds=1)),
        item("h:3", at=None),
    ]
    assert list(in_order(listed)) == listed
    assert list(in_order(reversed(listed))) == listed
    alone = [item("h:2", at=None), item("8", at=None)]
    assert list(in_order(alone)) == alone[::-1]
    assert list(in_order([item("7", at=None), item("a", at=T0)])) == [item("7", at=None), item("a", at=T0)]


@pytest.mark.unmeasured
@pytest.mark.parametrize("name", ["", "h:"])
def test_thousands_of_items_without_a_time_are_ordered_in_a_moment(name: str) -> None:
    """Each was looked for among all the others: half a minute for as many as a thread may hold, at each read of it."""

    def listed(size: int) -> list[ThreadItem]:
        return [item("0", at=T0), *(item(f"{name}{number}", at=None) for number in range(1, size))]

    assert is_linear(in_order, listed, 100)
    assert list(in_order(listed(1_600))) == listed(1_600)


@given(
    st.lists(
        st.tuples(st.none() | st.integers(0, 3), st.text("0123456789abz", min_size=1, max_size=3)), unique=True
    )
)
def test_any_two_listings_of_one_thread_read_the_same(entries: list[tuple[int | None, str]]) -> None:
    """The order depends on nothing but times and ids."""
    items = [
        item(id, at=None if s is None else T0 + timedelta(seconds=s))
        for s, id in entries
        if id == id.lstrip("0") and (id.isdecimal() or all(at is not None for at, _ in entries))
    ]
    assert in_order(items) == in_order(reversed(items))


@pytest.mark.parametrize(
    ("spelled", "rest"), [("", ""), ("ra", "ra"), ("d", ""), ("dad", ""), ("dadr", "r"), ("dla", "la")]
)
def test_since_the_last_disposition_or_the_beginning(spelled: str, rest: str) -> None:
    """Without a disposition everything counts."""
    assert [one.kind for one in since_disposition(thread(spelled))] == [LETTERS[letter] for letter in rest]


@pytest.mark.parametrize(
    ("spelled", "kind"),
    [("", None), ("ld", None), ("a", "a"), ("ar", "r"), ("ral", "a"), ("ard", "r"), ("rad", "a")],
)
def test_the_last_word_is_the_last_that_a_citizen_can_read(spelled: str, kind: str | None) -> None:
    """Logs and dispositions are no words."""
    assert last_word(thread(spelled)) is (LETTERS[kind] if kind else None)


def test_a_wordless_item_of_the_reporter_is_not_the_last_word() -> None:
    """An empty follow-up does not give the turn back to the agency."""
    talk = (*thread("a"), item("2", ItemKind.REPORTER, content="<p>&nbsp;</p>"))
    assert last_word(talk) is ItemKind.ANSWER


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Satu<hr>Dua", "Satu\nDua"),
        ("Satu<HR/>Dua", "Satu\nDua"),
        ("<ul><li>Satu<li>Dua</ul>Tiga", "Satu\nDua\nTiga"),
        ("Daftar:<ul><li>Satu</li><li>Dua</li></ul>", "Daftar:\nSatu\nDua"),
        ("<h1>Judul</h1>Isi<h2>Lagi</h2>", "Judul\nIsi\nLagi"),
        (
            "<table><tr><th>No<th>Jalan<tr><td>1</td><td>Melati</td></tr></table>Selesai",
            "No\nJalan\n1\nMelati\nSelesai",
        ),
        ("<section>Satu</section><section>Dua</section>", "Satu\nDua"),
        ("Satu<div>Dua</div>", "Satu\nDua"),
        ("Satu<p class='x>y'>Dua", "Satu\nDua"),
        ("<dl><dt>Lokasi<dd>Pasar</dl>", "Lokasi\nPasar"),
        ("<blockquote>Kutipan</blockquote>Jawaban", "Kutipan\nJawaban"),
        ("<figure><figcaption>Foto</figcaption></figure>Teks", "Foto\nTeks"),
        ("Satu&lt;hr&gt;Dua", "Satu\nDua"),
        ("Sa<b>t</b>u<wbr>satu", "Satusatu"),
        ("  <p>Satu</p>\n<p>Dua</p>", "Satu\n\nDua"),
        ("<p>Satu</p><p>Dua</p>", "Satu\nDua"),
        ("<div><p>Satu</p></div><p>Dua</p>", "Satu\n\nDua"),
        ("Satu<br><br>Dua", "Satu\n\nDua"),
        ("Satu <header>Dua", "Satu\nDua"),
        ("Satu<trek>Dua", "SatuDua"),
    ],
)
def test_words_at_both_sides_of_a_block_are_apart(text: str, shown: str) -> None:
    """Whether its tags are closed or not; what runs on in a line stays one word, and no blank line comes in."""
    assert paragraphs(text) == shown
    assert words(text) == " ".join(shown.split())


def test_paragraphs_keep_the_line_breaks_of_a_citizen() -> None:
    """Of a text and of HTML; two blank lines in a row are one, and what is not seen goes."""
    text = "Yth. Bapak\r\n\r\n\r\n\r\nJalan   rusak\u200b <b>sekali</b>.<br>Tolong.</p>Sari\u2028RT 3\n"
    assert paragraphs(text) == "Yth. Bapak\n\nJalan rusak sekali.\nTolong.\nSari\nRT 3"
    assert paragraphs(" &nbsp;\n") == ""


def test_a_long_text_is_read_as_a_short_one_is() -> None:
    """It is kept for who asks next."""
    some = "<p>a</p> &amp;lt;b&amp;gt; < &#65;<!-- x -->.<br>"
    assert plain(some * 2_000) == plain(some) * 2_000
    assert plain(some * 2_000) == plain(some * 1_999) + plain(some)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        *(
            (text, None)
            for text in (
                *(
                    "Sudah.",
                    "",
                    "harga < 5.000 -> mahal",
                    "a <3 b",
                    "a & b &amp; c",
                    "<b>tebal</b><br/>x",
                    "5<6 dan 7>6",
                ),
                *(
                    '<a href="https://contoh.test/?a=1">tautan</a>',
                    "Jawaban <terima kasih>.",
                    "</b>",
                    "<p class='x'>a</p>",
                ),
            )
        ),
        ("Sudah <!-- x", "<!-- x"),
        ("Sudah <!-- x --> baik", "<!-- x --> baik"),
        ("a <!DOCTYPE b", "<!DOCTYPE b"),
        ("a <?php b ?>", "<?php b ?>"),
        ("a <script>b", "<script>b"),
        ("a <SCRIPT src=x>b</script>", "<SCRIPT src=x>b</scr"),
        ("a <style>b", "<style>b"),
        ("a <textarea>b", "<textarea>b"),
        ("a <template>b</template>", "<template>b</templat"),
        ("a <b", "<b"),
        ("a <b dan seterusnya", "<b dan seterusnya"),
        ("nilai x<y maka", "<y maka"),
        ("a <a href='x>b</a>", "<a href='x>b</a>"),
        ("a </b dan", "</b dan"),
        ("Sudah &lt;!-- x", "<!-- x"),
        ("Sudah &#60;script&#62; x", "<script> x"),
    ],
)
def test_what_may_keep_a_part_of_a_text_from_who_reads_it(text: str, found: str | None) -> None:
    """Where a browser obeys the markup: the beginning of it, to be said."""
    assert hiding(text) == found
