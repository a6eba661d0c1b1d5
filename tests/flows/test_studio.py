"""The studio through HTTP: writing news, two devices, photos, publishing; and nobody else's business."""

from __future__ import annotations

import io
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from businesses.models import Business, Membership, Post
from tests import make
from tests.copies import counted_queries

pytestmark = pytest.mark.django_db


def browser_of(user: Any) -> Client:
    client = Client()
    assert client.login(email=user.email, password=make.PASSWORD)
    return client


def form(**changes: Any) -> dict[str, Any]:
    return {
        "title": "The rafts are back",
        "source": "We tied the **last** raft.",
        "language": "en",
        "visibility": "public",
        "version": 1,
        "form_token": uuid.uuid4(),
        "photo_alt": "",
        "do": "save",
        **changes,
    }


def of_post(post: Post, **changes: Any) -> dict[str, Any]:
    post.refresh_from_db()
    names = ("title", "source", "language", "visibility", "version", "form_token")
    return form(**{**{name: getattr(post, name) for name in names}, **changes})


def jpeg(name: str = "boat.jpg") -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (400, 250), "teal").save(out, "JPEG")
    return SimpleUploadedFile(name, out.getvalue(), "image/jpeg")


def address(name: str, business: Business, *args: Any) -> str:
    return reverse(f"studio:{name}", args=[business.slug, *args])


# --- Who may enter ------------------------------------------------------------------------------------------------


def doors(business: Business, post: Post, member: Membership) -> dict[str, str]:
    """Every address of the studio of a business, with the method that it answers to."""
    return {
        address("business", business): "get",
        address("members", business): "get",
        address("member_invite", business): "post",
        address("member_remove", business, member.pk): "post",
        address("news", business): "get",
        address("news_new", business): "get",
        address("news_preview", business): "post",
        address("news_autosave", business): "post",
        address("news_edit", business, post.pk): "get",
        address("news_publish", business, post.pk): "get",
        address("news_withdraw", business, post.pk): "get",
        address("news_delete", business, post.pk): "get",
    }


def test_the_studio_of_somebody_else_answers_like_one_that_does_not_exist() -> None:
    post = make.make_post(state="draft")
    business = post.business
    member = business.memberships.get()
    strangers = [
        make.make_user(),
        make.make_member(make.make_business()),
        make.make_user(is_staff=True),
        make.make_user(is_staff=True, is_superuser=True),
        make.make_supporter(business),
    ]
    for client in map(browser_of, strangers):
        for door in doors(business, post, member):
            assert client.get(door).status_code == client.post(door).status_code == 404, door
    assert client.get(reverse("studio:business", args=["no-such"])).status_code == 404
    assert Post.objects.get().state == "draft" and business.memberships.count() == 1


def test_without_a_log_in_one_is_asked_for_it() -> None:
    post = make.make_post(state="draft")
    for door in [reverse("studio:home"), *doors(post.business, post, post.business.memberships.get())]:
        answer = Client().get(door)
        assert (answer.status_code, answer["Location"]) == (302, f"{reverse('account_login')}?next={door}")


def test_a_post_of_another_business_is_not_reached_through_ones_own() -> None:
    theirs, mine = make.make_post(state="draft"), make.make_post(state="draft")
    client = browser_of(mine.author)
    for name in ("news_edit", "news_publish", "news_withdraw", "news_delete"):
        for method in (client.get, client.post):
            assert method(address(name, mine.business, theirs.pk), of_post(theirs)).status_code == 404
    stolen = {**of_post(theirs, source="Mine now"), "post": theirs.pk}
    assert client.post(address("news_autosave", mine.business), stolen).status_code == 404
    # The token of another business's form opens nothing either.
    assert client.post(address("news_autosave", mine.business), of_post(theirs, source="Mine")).status_code == 422
    assert Post.objects.get(pk=theirs.pk).source == theirs.source


def test_an_editor_writes_and_publishes_but_lets_nobody_in_or_out() -> None:
    business = make.make_business()
    make.make_member(business)
    editor = make.make_member(business, role="editor")
    client = browser_of(editor)
    assert b"Invite an editor" not in client.get(address("members", business)).content
    other = make.make_user()
    assert client.post(address("member_invite", business), {"email": other.email}).status_code == 404
    owner = business.memberships.get(role="owner")
    assert client.post(address("member_remove", business, owner.pk)).status_code == 404
    assert business.memberships.count() == 2
    client.post(address("news_new", business), form())
    client.post(address("news_publish", business, Post.objects.get().pk), {"when": "now", "do": "publish"})
    assert Post.objects.get().state == "published"


def test_an_owner_lets_somebody_in_and_out_and_stays_the_last() -> None:
    business = make.make_business()
    owner, other = make.make_member(business), make.make_user()
    client = browser_of(owner)
    answer = client.post(address("member_invite", business), {"email": other.email}, follow=True)
    assert "can now write for the business" in answer.content.decode()
    unknown = client.post(address("member_invite", business), {"email": "nobody@example.com"})
    assert "There is no account with this address" in unknown.content.decode()
    assert "<title>Error:" in unknown.content.decode()
    mine = business.memberships.get(user=owner)
    stays = client.post(address("member_remove", business, mine.pk), follow=True)
    assert "The last owner cannot be removed" in stays.content.decode()
    client.post(address("member_remove", business, business.memberships.get(user=other).pk))
    assert list(business.memberships.all()) == [mine]


def test_nothing_of_the_studio_is_kept_by_a_cache() -> None:
    post = make.make_post(state="draft")
    client = browser_of(post.author)
    for door in (reverse("studio:home"), address("news_edit", post.business, post.pk)):
        assert set(client.get(door)["Cache-Control"].split(", ")) >= {"private", "no-store"}


# --- Writing ------------------------------------------------------------------------------------------------------


def test_a_post_from_the_first_line_to_the_public_page() -> None:
    business = make.make_business()
    client = browser_of(make.make_member(business))
    sent = form(do="publish", photo=jpeg(), photo_alt="A boat")
    answer = client.post(address("news_new", business), sent)
    post = Post.objects.get()
    assert answer["Location"] == address("news_publish", business, post.pk)
    assert post.photos.get().alt == "A boat"
    assert client.post(address("news_new", business), {**sent, "photo": jpeg()}).status_code == 302
    assert Post.objects.count() == 1, "the same form sent again is the same draft"
    check = client.get(answer["Location"]).content.decode()
    assert "<strong>last</strong>" in check and "0 people get the mail below at once" in check
    client.post(answer["Location"], {"when": "now", "do": "publish"})
    public = Client().get(reverse("businesses:news_post", args=[business.slug, post.pk, post.words]))
    assert "<strong>last</strong>" in public.content.decode() and 'alt="A boat"' in public.content.decode()


def test_planned_changed_and_taken_back() -> None:
    post = make.make_post(state="draft")
    client = browser_of(post.author)
    door = address("news_publish", post.business, post.pk)
    tomorrow = timezone.localtime() + timedelta(days=1)
    wrong = client.post(door, {"when": "later", "publish_at": "2011-03-11T14:46", "do": "publish"})
    assert "Choose an hour from now on" in wrong.content.decode()
    assert "Choose a day and an hour." in client.post(door, {"when": "later", "do": "publish"}).content.decode()
    client.post(door, {"when": "later", "publish_at": f"{tomorrow:%Y-%m-%dT%H:%M}", "do": "publish"})
    post.refresh_from_db()
    assert post.state == "scheduled" and post.publish_at == tomorrow.replace(second=0, microsecond=0)
    client.post(address("news_edit", post.business, post.pk), of_post(post, source="Better."))
    client.post(door, {"do": "unschedule"})
    post.refresh_from_db()
    assert (post.state, post.source, post.publish_at) == ("draft", "Better.", None)


def test_the_preview_button_works_without_a_script_and_changes_nothing_that_is_public() -> None:
    draft, public = make.make_post(state="draft"), make.make_post()
    client = browser_of(draft.author)
    sent = of_post(draft, source="A *new* line", do="preview")
    answer = client.post(address("news_edit", draft.business, draft.pk), sent, follow=True)
    assert "A <em>new</em> line" in answer.content.decode()
    client = browser_of(public.author)
    sent = of_post(public, source="Not *yet*", do="preview")
    answer = client.post(address("news_edit", public.business, public.pk), sent)
    assert "Not <em>yet</em>" in answer.content.decode()
    assert Post.objects.get(pk=public.pk).source != "Not *yet*"


def test_hostile_input_is_refused_with_words_and_loses_nothing_typed() -> None:
    business = make.make_business()
    client = browser_of(make.make_member(business))
    door = address("news_new", business)
    long = client.post(door, form(source="長" * 200_000))
    assert long.status_code == 200 and "at most 20000 characters" in long.content.decode()
    assert client.post(door, form(source="a" * 3_000_000)).status_code == 400
    bare = client.post(door, form(photo=jpeg(), photo_alt=" ", source="Still here"))
    assert "Say in a sentence what the photo shows" in bare.content.decode() and "Still here" in bare.content.decode()
    assert not Post.objects.exists(), "nothing was saved yet"
    svg = SimpleUploadedFile(
        "boat.jpg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "image/jpeg"
    )
    refused = client.post(door, form(photo=svg, photo_alt="A boat", do="photo"))
    assert "Only JPEG, PNG and WebP pictures are accepted" in refused.content.decode()
    assert Post.objects.get().photos.count() == 0
    script = form(title="<script>alert(1)</script>", source="<script>alert(2)</script> [x](javascript:alert(3))")
    shown = client.post(door, {**script, "do": "preview"}, follow=True).content.decode()
    assert "<script>alert" not in shown and 'href="javascript' not in shown
    for do in ("remove:9999999", "remove:x", "remove:" + "9" * 30, "publish ", ""):
        post = Post.objects.last()
        answer = client.post(address("news_edit", business, post.pk), of_post(post, do=do, **{"alt_" + "9" * 17: "x"}))
        assert answer.status_code == 302, do
    for version in ("", "0", "x", "99999999999999999999"):
        assert client.post(address("news_edit", business, post.pk), of_post(post, version=version)).status_code < 500


def test_photos_are_added_described_anew_and_taken_away() -> None:
    post = make.make_post(state="draft")
    client = browser_of(post.author)
    door = address("news_edit", post.business, post.pk)
    client.post(door, of_post(post, photo=jpeg(), photo_alt="A boat", do="photo"))
    photo = post.photos.get()
    assert "Choose a photo first" in client.post(door, of_post(post, do="photo")).content.decode()
    client.post(door, of_post(post, **{f"alt_{photo.pk}": "A boat at noon"}))
    assert post.photos.get().alt == "A boat at noon"
    empty = client.post(door, of_post(post, **{f"alt_{photo.pk}": ""}))
    assert "Say in a sentence" in empty.content.decode() and post.photos.get().alt == "A boat at noon"
    before = post.photos.get()
    client.post(door, of_post(post, do=f"turn:{photo.pk}", **{f"alt_{photo.pk}": "A boat at noon"}))
    after = post.photos.get()
    assert (after.width, after.height) == (before.height, before.width) and after.digest != before.digest
    client.post(door, of_post(post, do=f"remove:{photo.pk}", **{f"alt_{photo.pk}": "gone"}))
    assert not post.photos.exists()


def test_withdrawing_and_deleting_ask_first() -> None:
    public = make.make_post()
    client = browser_of(public.author)
    door = address("news_withdraw", public.business, public.pk)
    assert "This field is required" in client.post(door, {"reason": ""}).content.decode()
    client.post(door, {"reason": "Wrong names"})
    public.refresh_from_db()
    assert public.state == "withdrawn"
    assert client.get(address("news_edit", public.business, public.pk)).status_code == 302
    draft = make.make_post(state="draft")
    client = browser_of(draft.author)
    door = address("news_delete", draft.business, draft.pk)
    assert client.get(door).status_code == 200 and Post.objects.filter(pk=draft.pk).exists()
    client.post(door)
    assert not Post.objects.filter(pk=draft.pk).exists()


# --- Two devices --------------------------------------------------------------------------------------------------


def test_the_second_device_sees_both_texts_and_overwrites_nothing() -> None:
    post = make.make_post(state="draft", source="Begun.")
    client = browser_of(post.author)
    door = address("news_edit", post.business, post.pk)
    boat, office = of_post(post, source="From the boat."), of_post(post, source="From the office.")
    assert client.post(door, boat).status_code == 302
    answer = client.post(door, office)
    page = answer.content.decode()
    assert answer.status_code == 409 and "Changed on another device" in page
    assert "From the boat." in page and "From the office." in page and 'data-autosave=""' in page
    assert Post.objects.get().source == "From the boat."
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version and client.post(door, {**office, "version": version[1]}).status_code == 302
    assert Post.objects.get().source == "From the office.", "once both were seen, the writer decides"


def test_the_autosave_makes_one_draft_counts_versions_and_is_refused_when_late() -> None:
    business = make.make_business()
    client = browser_of(make.make_member(business))
    door = address("news_autosave", business)
    token = uuid.uuid4()
    first = client.post(door, form(form_token=token, source="One", post="")).json()
    assert first == {"post": Post.objects.get().pk, "version": 1, "edit": address("news_edit", business, first["post"])}
    second = client.post(door, form(form_token=token, source="Two", post=first["post"])).json()
    assert second["version"] == 2
    late = client.post(door, form(form_token=token, source="Late", post=first["post"], version=1))
    assert late.status_code == 409
    assert (late.json()["source"], late.json()["version"]) == ("Two", 2)
    assert Post.objects.get().source == "Two"
    client.post(address("news_publish", business, first["post"]), {"when": "now"})
    public = client.post(door, form(form_token=token, source="Quietly public", post=first["post"], version=2))
    assert public.status_code == 422 and Post.objects.get().source == "Two"
    for wrong in ({"post": "x"}, {"post": "9" * 18}, {"post": "²"}):
        assert client.post(door, form(**wrong)).status_code == 404
    assert client.post(door, form(source="a" * 30_000)).status_code == 422


def test_saving_needs_the_token_against_forgery() -> None:
    post = make.make_post(state="draft")
    client = Client(enforce_csrf_checks=True)
    assert client.login(email=post.author.email, password=make.PASSWORD)
    for name, args in (("news_autosave", []), ("news_preview", []), ("news_edit", [post.pk])):
        assert client.post(address(name, post.business, *args), of_post(post, source="Forged")).status_code == 403
    assert Post.objects.get().source == post.source


def test_the_live_preview_is_the_renderer_of_the_page() -> None:
    post = make.make_post(state="draft")
    client = browser_of(post.author)
    door = address("news_preview", post.business)
    assert (
        client.post(door, {"source": "**b** <script>1</script>"}).content
        == b"<p><strong>b</strong> &lt;script&gt;1&lt;/script&gt;</p>"
    )
    assert client.post(door, {"source": "a" * 20_001}).status_code == 413


# --- To do --------------------------------------------------------------------------------------------------------


def test_the_front_page_says_what_waits_by_date() -> None:
    long_ago = timezone.now() - timedelta(days=90)
    business = make.make_business(published_at=long_ago)
    owner = make.make_member(business)
    make.make_post(business=business, author=owner, at=long_ago + timedelta(days=10))
    make.make_post(business=business, author=owner, state="draft", title="Half a text")
    make.make_post(business=business, author=owner, state="scheduled", title="Next week")
    make.make_post(state="draft", title="Not yours")
    page = browser_of(owner).get(reverse("studio:home")).content.decode()
    assert "No news for 80 days" in page and "Draft: Half a text" in page and "Goes out: Next week" in page
    assert page.index("No news for 80") < page.index("Draft: Half") < page.index("Goes out: Next")
    assert "Not yours" not in page
    make.make_post(business=business, author=owner)
    assert "No news for" not in browser_of(owner).get(reverse("studio:home")).content.decode()
    assert "You speak for no business" in browser_of(make.make_user()).get(reverse("studio:home")).content.decode()


def test_the_pages_make_as_many_queries_for_thirty_posts_as_for_three() -> None:
    business = make.make_business()
    owner = make.make_member(business)
    client = browser_of(owner)
    pages = [reverse("studio:home"), address("business", business), address("news", business)]

    def counts() -> list[int]:
        found = []
        for page in pages:
            with counted_queries() as statements:
                assert client.get(page).status_code == 200
            found.append(len(statements))
        return found

    for state in ("draft", "scheduled", "published"):
        make.make_post(business=business, author=owner, state=state)
    counts()  # the first request of a day also notes that the session is in use
    few = counts()
    for state in ("draft", "scheduled", "published") * 9:
        make.make_post(business=business, author=owner, state=state)
    assert counts() == few and max(few) <= 22


# --- The menu -----------------------------------------------------------------------------------------------------


def groups_of(page: str) -> list[str]:
    menu = page[page.index('class="account__nav account__nav--side"') :]
    return re.findall(r'account__group">\s*<span>([^<]+)</span>', menu[: menu.index("</nav>")])


def test_the_menu_stands_in_groups_and_marks_the_page_that_is_shown() -> None:
    business = make.make_business()
    page = browser_of(make.make_member(business)).get(address("news", business)).content.decode()
    assert groups_of(page) == ["Speak to supporters", "Figures and money", "Your page", "Who may write"]
    marked = re.findall(r'<a href="([^"]+)" aria-current="page"', page)
    assert marked == [address("news", business)] * 2, "once folded for a phone, once at the side"
    editor = make.make_member(business, role=Membership.Role.EDITOR)
    shown = browser_of(editor).get(address("business", business)).content.decode()
    assert groups_of(shown) == ["Speak to supporters", "Your page", "Who may write"]
    assert (
        address("reports", business) not in shown and reverse("rewards:letter_desk", args=[business.slug]) not in shown
    )
