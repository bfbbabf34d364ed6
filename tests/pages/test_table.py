"""One table for all our HTML: escaped, numbers to the right, links inside the app."""

from __future__ import annotations

from pages.table import Link, table


def test_columns_of_numbers_stand_right_and_texts_are_escaped() -> None:
    html = table(["who", "battles", "points"], [["<b>", 1234, 0.5], ["y", None, 1.0]])
    assert "<tr><th>who</th><th class=num>battles</th><th class=num>points</th></tr>" in html
    assert "<tr><td>&lt;b&gt;</td><td class=num>1,234</td><td class=num>0.5</td></tr>" in html
    assert "<td>y</td><td class=num></td>" in html


def test_numbers_written_as_text_stand_right_where_told() -> None:
    assert table((), [("calls", "1,200")], left=1).endswith(
        "<tbody><tr><td>calls</td><td class=num>1,200</td></tr></tbody></table></div>"
    )


def test_a_link_cannot_leave_its_attribute() -> None:
    html = table(["set"], [[Link('a"b', 'testsets?testset="><script>')]], label='"x')
    assert '<a href="testsets?testset=&quot;&gt;&lt;script&gt;">a&quot;b</a>' in html
    assert 'aria-label="&quot;x"' in html
