"""The capacity plan as Markdown: complete, aligned, and inert whatever words it holds."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_golden import compare

from capmon.model.curves import Estimate
from capmon.model.metric import Unit
from capmon.model.plan import Chapter, Figure, Plan, PlanQuestion
from capmon.report import plan_words as words
from capmon.report.markdown import WIDTH, anchor, escaped, fence, prose, table
from capmon.report.plan_charts import WIDTH as CHART
from capmon.report.plan_charts import drawn
from capmon.report.plan_markdown import as_markdown

sys.path.append(str(Path(__file__).parents[1] / "ui"))
import frames_plan as made


def test_a_rich_plan_is_the_golden_one() -> None:
    """Every kind of part stands where it belongs, charts and all; twice the same bytes."""
    text = as_markdown(made.rich())
    assert text == as_markdown(made.rich())
    compare("rich.md", text)


def test_contents_lead_to_headings() -> None:
    """Each link of the contents is the anchor of a heading."""
    text = as_markdown(made.rich())
    links = re.findall(r"^\d+\. \[.*\]\(#(.*)\)$", text, re.MULTILINE)
    heads = [anchor(h) for h in re.findall(r"^## (.*)$", text, re.MULTILINE)]
    assert len(links) == 6
    assert set(links) <= set(heads)


def test_what_is_not_known_ends_its_chapter() -> None:
    """Gaps stand under their heading behind everything else, with what they would take."""
    text = as_markdown(made.rich())
    baseline = text.split("## 1. ")[1].split("\n## ")[0]
    assert baseline.rstrip().endswith("give app.fields http.server.active\\_requests") or baseline.rstrip().endswith("http.server.active_requests")  # fmt: skip
    assert baseline.index("### Not known") > baseline.index("Evidence:")


def test_lines_fit_and_tables_are_straight() -> None:
    """No line of prose or chart is wider than 96 columns; the bars of a table stand in columns."""
    for block in as_markdown(made.rich()).split("\n\n"):
        lines = block.strip().split("\n")
        if lines[0].startswith("|"):
            bars = {tuple(m.start() for m in re.finditer(r"(?<!\\)\|", line)) for line in lines}
            assert len(bars) == 1, block
        else:
            assert max(map(len, lines)) <= WIDTH, block


@pytest.mark.parametrize("name", made.ALL)
def test_words_of_others_stay_words(name: str) -> None:
    """No control character gets through, and no fence that was opened stays open."""
    text = as_markdown(made.ALL[name]())
    assert all(c == "\n" or c.isprintable() for c in text)
    open_ = ""
    for line in text.split("\n"):
        found = re.match(r"(`{3,})", line)
        if found and not open_:
            open_ = found[1]
        elif open_ and line == open_:
            open_ = ""
        elif open_ == "" and "<b>" in line:
            assert "\\<b>" in line
    assert not open_


@given(st.text(max_size=60))
def test_escaped_words_hold_no_bare_mark(text: str) -> None:
    """Outside of code every mark has a backslash before it; what is read is what was written."""
    out = escaped(text)
    assert "\n" not in out
    bare = re.sub(r"(?<![`\\])`[^`]+`(?!`)", "", re.sub(r"\\.", "", out))
    assert not re.search(r"[*\[\]<|~]", bare)


@given(st.text(alphabet="ab 1.-+#>`|=", min_size=1, max_size=300))
def test_wrapped_lines_begin_no_list(text: str) -> None:
    """No line of a paragraph begins as a list, heading, quotation or rule would."""
    for line in prose(escaped(text)):
        assert not re.match(r"([-+>#=]|\d+[.)](\s|$))", line)


@given(st.lists(st.text(max_size=20), max_size=4))
def test_a_fence_ends_only_once(lines: list[str]) -> None:
    """Backticks inside are fewer than those around."""
    out = fence(lines)
    assert all(out[-1] not in line for line in out[1:-1])


def test_columns_of_wide_characters_are_straight() -> None:
    """Cells count as a terminal shows them."""
    rows = table(("名", "n"), (("東京", "1"), ("a", "20")), (False, True))
    assert rows == [
        "| 名   |   n |", "| ---- | --: |", "| 東京 |   1 |", "| a    |  20 |",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        ((Estimate(130.4, 122.0, 141.3), "req/s"), "130 req/s (122–141)"),
        ((Estimate(130.4, 122.0, None), Unit.PER_SECOND), "130 req/s (122 or more)"),
        ((Estimate(0.81, 0.0, 0.83), Unit.RATIO), "81 % (up to 83)"),
        ((Estimate(0.2, 0.1, 12.0), Unit.SECONDS), "200 ms (100 ms–12.0 s)"),
        ((Estimate(40 * 86400.0, 21 * 86400.0, 70 * 86400.0, 0.8), Unit.SECONDS), "40 d (21–70, 80 %)"),
        ((Estimate(12345.6, None, 13000.0), "$ a month"), "12,346 $ a month (up to 13,000)"),
        ((Estimate(1.772409600e9, 1.7723e9, 1.78e9), "time"), "2026-03-02 (2026-02-28 – 2026-05-28)"),
        ((Estimate(6.0), "replicas"), "6 replicas"),
        ((Estimate(1.0, 1.0, 2.0), "replicas"), "1 replica (1–2)"),
        ((None, "replicas"), "not known"),
    ],
)  # fmt: skip
def test_a_number_stands_with_its_unit_and_interval(figure: tuple[Estimate | None, str], text: str) -> None:  # fmt: skip
    """Units stand once where all share them, open ends and other levels are said."""
    assert words.figure(Figure("x", *figure, "")) == text


def test_a_question_is_told_in_words() -> None:
    """Growth that was assumed is told as such."""
    assert "growth as the record has it" in words.asked(PlanQuestion(90 * 86400.0))
    assert "load ×2 by then, as assumed" in words.asked(PlanQuestion(90 * 86400.0, growth=2.0))
    rate = words.asked(PlanQuestion(90 * 86400.0, growth_rate=(0.05, 2629800.0)))
    assert "load +5.00 % a month, as assumed" in rate


def test_charts_are_plain_text_with_dates() -> None:
    """Without colours, no wider than a page, axes with units and dates, a legend, gaps as gaps."""
    lines = drawn(made.GROWTH.charts[0])
    text = "\n".join(lines)
    assert max(map(len, lines)) <= CHART
    assert "\x1b" not in text
    assert "req/s" in text
    assert len(re.findall(r"\d\d (Jan|Feb|Mar|Apr|May)", text)) >= 4
    assert "cpu at 80 %" in lines[-1]


def test_a_plan_without_chapters_says_so() -> None:
    """An empty plan is a document all the same."""
    text = as_markdown(
        Plan(0.0, "x", PlanQuestion(1.0), 0.0, 0.0, (), (Chapter("cost", "Cost", ""),))
    )
    assert "Nothing can be said yet." in text
    assert "## 1. Cost" in text
