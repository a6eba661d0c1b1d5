"""The style guide shows every element there is, in both themes."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from businesses.models import Picture
from tests import make

pytestmark = pytest.mark.django_db
ELEMENTS = {f"elements/{path.name}" for path in (Path(settings.BASE_DIR) / "templates/elements").glob("*.html")}


@pytest.fixture
def picture() -> Picture:
    sizes = {"digest": "ab", "widths": [320], "width": 320, "height": 200}
    return Picture.objects.create(business=make.make_business(), alt_en="A raft", alt_ja="筏", **sizes)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_element_is_on_the_page_in_both_themes(client: Client, picture: Picture, theme: str) -> None:
    answer: Any = client.get(reverse("styleguide"), {"theme": theme})
    shown = {template.name for template in answer.templates}
    assert ELEMENTS - shown == set(), "show these in templates/site/styleguide.html"
    assert f'data-theme="{theme}"' in answer.content.decode().split(">", 2)[1]


def test_without_a_choice_the_guide_is_in_the_readers_theme(client: Client) -> None:
    client.cookies["theme"] = "dark"
    page = client.get(reverse("styleguide"), {"theme": "purple"}).content.decode()
    assert 'data-theme="dark"' in page.split(">", 2)[1]
