"""Elements and template tags: what pages include, rendered as the pages do."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.template import engines
from django.test import RequestFactory
from django.utils import translation

from microfund.site.state_looks import LOOKS, QUIET, look_of
from microfund.site.templatetags import tomobune

SHAPES = {"ring", "half", "disc", "check", "cross", "triangle", "square"}


def render(source: str, language: str = "en", request: HttpRequest | None = None, **context: Any) -> str:
    """What the engine makes of a source, without the white space that browsers ignore."""
    with translation.override(language):
        html = engines["django"].from_string(source).render(context, request)
    return re.sub(r"\s*([<>])\s*", r"\1", " ".join(html.split()))


class Person(forms.Form):
    name = forms.CharField(label="Name", help_text="As on your bank account.")
    kana = forms.CharField(label="Kana", required=False)
    way = forms.ChoiceField(label="Way", choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect)
    read = forms.BooleanField(label="I have read it")
    token = forms.CharField(widget=forms.HiddenInput, initial="t", required=False)

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("kana") == "both":
            raise forms.ValidationError("The two do not fit.")
        return self.cleaned_data


# --- money and languages ----------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "shown"), [("en", "¥10,500"), ("ja", "10,500円")])
def test_money_is_written_as_the_reader_writes_it(language: str, shown: str) -> None:
    assert render('{% money 10500 %}|{{ 10500|money }}|{% include "elements/money.html" with amount=10500 only %}',
                  language) == f'{shown}|{shown}|<span class="num nowrap">{shown}</span>'  # fmt: skip
    assert render("{% money nothing %}", language, nothing=None) == "—"
    assert render("{% money_pattern %}", language) == shown.replace("10,500", "{}")
    assert render('{% money_pattern "USD" %}', language) == ""


def test_zero_is_an_amount_and_not_nothing() -> None:
    assert render("{% money 0 %}") == "¥0"


def test_a_text_that_exists_in_one_language_only_says_which() -> None:
    both = SimpleNamespace(name_en="Homachi Brewery", name_ja="帆待酒造")
    one = {"name_en": "A <b>", "name_ja": ""}
    source = '{% bilingual it "name" %}'
    assert render(source, "en", it=both) == "Homachi Brewery"
    assert render(source, "ja", it=both) == "帆待酒造"
    assert render(source, "en", it=one) == "A &lt;b&gt;"
    assert render(source, "ja", it=one) == '<span lang="en">A &lt;b&gt;</span>'
    assert render('{{ it|bilingual:"name" }}', "ja", it=one) == "A &lt;b&gt;"
    assert render('{% other_language it "name" %}', "en", it=both) == '<span lang="ja">帆待酒造</span>'
    assert render('{% other_language it "name" %}', "en", it=one) == ""


def test_a_misspelt_field_is_an_error_and_not_an_empty_text() -> None:
    with pytest.raises(AttributeError):
        render('{% bilingual it "nmae" %}', it=SimpleNamespace(name_en="x", name_ja="y"))


# --- bars -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("done", "total", "held", "expected"),
    [
        (0, 1000, 0, (0, 0, 0, False)),
        (23_400_000, 30_000_000, 0, (78, 780, 0, False)),
        (29_999_999, 30_000_000, 0, (99, 999, 0, False)),
        (30_000_000, 30_000_000, 0, (100, 1000, 0, True)),
        (306, 900, 120, (34, 340, 133, False)),
        (900, 900, 50, (100, 1000, 0, True)),
        (1200, 900, 0, (133, 1000, 0, True)),
        (5, 0, 0, (0, 0, 0, False)),
        (-5, 100, 0, (0, 0, 0, False)),
    ],
)
def test_a_bar_never_claims_more_than_is_done(
    done: int, total: int, held: int, expected: tuple[int, int, int, bool]
) -> None:
    shape = tomobune.progress_geometry(done, total, held)
    assert (shape["percent"], shape["fill"], shape["held"], shape["full"]) == expected


def test_the_progress_bar_says_its_figures_in_words() -> None:
    html = render('{% include "elements/progress.html" with done=23400000 total=30000000 money=True note="31 days" %}')
    assert 'width="780"' in html and "78%" in html and "¥23,400,000 of ¥30,000,000" in html and "31 days" in html
    units = render('{% include "elements/progress.html" with done=306 total=900 only %}')
    assert "306 of 900 units" in units


@pytest.mark.parametrize(
    ("investment", "donation", "share"), [(5000, 5000, 50), (7000, 3000, 70), (99, 1, 80), (0, 0, 50)]
)
def test_the_split_follows_the_amounts(investment: int, donation: int, share: int) -> None:
    assert tomobune.split_share(investment, donation) == share


def test_the_split_bar_names_each_part() -> None:
    html = render('{% include "elements/split_bar.html" with investment=5000 donation=5000 fee=500 only %}')
    for part, amount in (("investment", "¥5,000"), ("donation", "¥5,000"), ("fee", "¥500")):
        assert part in html and amount in html
    assert "never repaid" in html
    without = render('{% include "elements/split_bar.html" with investment=5000 donation=5000 fee=0 only %}')
    assert "split__fee" not in without


# --- states -----------------------------------------------------------------------------------------


def test_states_that_share_a_tone_differ_in_shape_within_a_money_family() -> None:
    for family in ("fund", "order", "refund"):
        looks = LOOKS[family]
        assert all(
            look.shape in {"ring", "half", "disc", "check", "cross", "triangle", "square"} for look in looks.values()
        )
        assert len(set(looks.values())) >= 6, f"too many {family} states look the same"


def test_every_state_of_fund_and_order_has_a_look() -> None:
    from investments.offerings.models import Fund
    from investments.orders.models import Order

    for family, model in (("fund", Fund), ("order", Order)):
        states = {value for value, _ in model._meta.get_field("state").choices}
        assert states <= set(LOOKS[family]), sorted(states - set(LOOKS[family]))


def test_an_unknown_state_is_shown_quietly() -> None:
    assert look_of("fund", "abducted") == QUIET
    html = render('{% include "elements/state_badge.html" with family="x" state="y" label=lost only %}', lost="<Lost>")
    assert "&lt;Lost&gt;" in html and 'aria-hidden="true"' in html


# --- forms ------------------------------------------------------------------------------------------


def test_a_form_ties_labels_hints_and_errors_to_their_fields() -> None:
    form = Person({"name": "", "kana": "x", "way": "z"})
    html = str(form)
    assert '<label for="id_name">Name</label>' in html
    assert 'id="id_name_helptext">As on your bank account.' in html
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'aria-invalid="true"' in html
    assert 'id="id_name_error"' in html
    assert "(optional)" in html.split('for="id_kana"')[1].split("</label>")[0]
    assert "<legend>Way</legend>" in html
    assert html.index('name="read"') < html.rindex("I have read it"), "the label of a tick box stands behind it"
    assert '<input type="hidden" name="token"' in html


def test_the_error_summary_links_to_each_field_and_takes_the_focus() -> None:
    form = Person({"name": "", "kana": "both", "way": "a", "read": "on"})
    html = str(form)
    summary = html[: html.index("</ul>")]
    assert "autofocus" in summary and 'tabindex="-1"' in summary
    assert "There is a problem" in summary
    assert 'href="#id_name"' in summary
    assert "The two do not fit." in summary
    assert html.count("The two do not fit.") == 1


def test_each_link_of_the_summary_leads_to_an_input_that_can_be_focused() -> None:
    html = str(Person({"name": "", "way": "z"}))
    for target in re.findall(r'href="#([^"]+)"', html[: html.index("</ul>")]):
        assert re.search(rf'<(input|select|textarea)[^>]*\bid="{target}"', html), target


def test_a_form_without_errors_shows_no_summary() -> None:
    assert "There is a problem" not in str(Person())
    assert "error" not in str(Person()).lower()


def test_a_script_typed_into_a_field_comes_back_as_text() -> None:
    html = str(Person({"name": "<script>alert(1)</script>", "kana": '"><img src=x onerror=alert(1)>', "way": "<b>"}))
    assert "<script>alert" not in html and "<img" not in html and "<b>" not in html


def test_a_page_may_add_attributes_to_an_input() -> None:
    html = render('{% widget form.name inputmode="numeric" data_units_input=True %}', form=Person())
    assert 'inputmode="numeric"' in html and " data-units-input" in html and "id_name_helptext" in html


# --- lists and ways ---------------------------------------------------------------------------------


def test_pagination_keeps_the_rest_of_the_query() -> None:
    request = RequestFactory().get("/businesses/?trade=oyster&stage=open&page=2")
    html = render(
        '{% include "elements/pagination.html" %}', request=request, page_obj=Paginator(range(60), 12).page(2)
    )
    assert 'aria-current="page"' in html
    assert "?trade=oyster&amp;stage=open&amp;page=3" in html
    assert 'rel="prev"' in html and 'rel="next"' in html


def test_one_page_needs_no_pagination() -> None:
    assert render('{% include "elements/pagination.html" %}', page_obj=Paginator(range(3), 12).page(1)).strip() == ""


def test_a_query_that_carries_markup_is_escaped() -> None:
    request = RequestFactory().get("/", {"q": '"><script>alert(1)</script>'})
    html = render('<a href="{% with_query page=2 %}">', request=request)
    assert "<script>" not in html and '"">' not in html


def test_a_page_that_does_not_exist_is_not_linked() -> None:
    request = RequestFactory().get("/")
    assert render('{% nav_link "no_such_page" "Nowhere" %}', request=request) == ""
    assert render('{% nav_link "account_login" "Sign in" %}', request=request).startswith(
        '<li><a href="/accounts/login/"'
    )


def test_a_table_can_be_scrolled_and_named() -> None:
    rows = [[{"text": "60%"}, {"text": "¥3,000", "num": True}], [{"text": "<b>"}, {"text": "x", "href": "/y/"}]]
    html = render('{% include "elements/table.html" with caption="Return" head=head rows=rows only %}',
                  head=[{"text": "Sales"}, {"text": "You receive", "num": True}], rows=rows)  # fmt: skip
    assert 'role="region" aria-label="Return" tabindex="0"' in html
    assert '<td class="num">¥3,000</td>' in html
    assert '<a href="/y/">x</a>' in html and "&lt;b&gt;" in html
    block = render('{% scroll_table caption="Payments" %}<tbody><tr><td>1</td></tr></tbody>{% endscroll_table %}')
    assert "<caption>Payments</caption>" in block and "<td>1</td>" in block


def test_a_panel_holds_what_stands_between_its_tags() -> None:
    html = render("{% panel title=title level=3 %}<p>{{ text }}</p>{% endpanel %}", title="A & B", text="<i>")
    assert "<h3>A &amp; B</h3>" in html and "<p>&lt;i&gt;</p>" in html


def test_a_picture_says_its_sizes_and_what_it_shows() -> None:
    photo = SimpleNamespace(digest="ab", widths=[320, 640], width=640, height=400, alt_en="Rafts", alt_ja="筏")
    html = render('{% include "elements/picture.html" with picture=photo only %}', photo=photo)
    assert 'srcset="/media/pictures/ab/320.webp 320w, /media/pictures/ab/640.webp 640w"' in html
    assert 'alt="Rafts"' in html and 'width="640" height="400"' in html and 'loading="lazy"' in html
    decoration = render('{% include "elements/picture.html" with picture=photo alt="" eager=True only %}', photo=photo)
    assert 'alt=""' in decoration and 'fetchpriority="high"' in decoration and "lazy" not in decoration
