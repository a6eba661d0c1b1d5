"""Pictures that nothing shows any more are swept away, a day after they came; what anything names never is."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import textwrap
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from businesses import images, pictures
from businesses import services as businesses
from businesses.images import ProcessedImage
from businesses.models import Business, Picture, PostPhoto, TeamPerson
from businesses.news import services as news
from businesses.profile import services as profile
from microfund.kernel import clock
from rewards.models import Letter, Offer
from tests import make
from tests.businesses import hostile_files as files

pytestmark = pytest.mark.django_db
OLD = timedelta(days=1, seconds=5)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, settings: Any) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path / images.FOLDER


def photo(colour: int = 0) -> io.BytesIO:
    return io.BytesIO(files.jpeg(400 + colour, 300))


def age(picture: Any, by: timedelta = OLD) -> None:
    """Let a picture have been stored so long ago."""
    written = (clock.machine() - by).timestamp()
    folder = Path(default_storage.path(f"{images.FOLDER}/{picture.digest}"))
    for path in (*folder.iterdir(), folder):
        os.utime(path, (written, written))


def old_picture(colour: int = 0) -> ProcessedImage:
    made = images.ingest(photo(colour))
    age(made)
    return made


def sweep(ahead: timedelta = timedelta(0)) -> int:
    at = clock.machine() + ahead
    return pictures.sweep_lost(on=at.date(), at=at)["deleted"]


def there(picture: Any) -> bool:
    return all(default_storage.exists(images.path(picture, width)) for width in picture.widths)


def item(made: ProcessedImage) -> dict[str, Any]:
    return {"digest": made.digest, "widths": list(made.widths), "width": made.width, "height": made.height}


def test_only_a_picture_that_is_a_day_old_and_has_no_row_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_AT_ONCE", 2)  # several portions
    assert sweep() == 0  # not one picture was ever stored
    lost = [old_picture(number) for number in range(3)]
    business = make.make_business()
    kept = businesses.add_picture(business, photo(10), alt_en="A", alt_ja="あ", actor=None, at=timezone.now())
    age(kept)
    fresh = images.ingest(photo(11))
    age(fresh, timedelta(hours=23))
    assert sweep() == 3
    assert [there(each) for each in (*lost, kept, fresh)] == [False] * 3 + [True] * 2
    assert sweep() == 0
    Picture.objects.all().delete()
    assert sweep() == 1 and not there(kept)


def test_every_model_that_shows_a_picture_keeps_it() -> None:
    assert {Picture, TeamPerson, PostPhoto, Offer, Letter} <= set(pictures.showing())
    post = make.make_post(business=make.make_business())
    shown = news.add_photo(post, photo(), alt="A raft", actor=post.author, at=timezone.now())
    age(shown)
    assert sweep() == 0 and there(shown)
    news.remove_photo(post, shown.pk, actor=post.author, at=timezone.now())
    assert sweep() == 1 and not there(shown)


def proposed(business: Business, picture: ProcessedImage) -> Any:
    member = make.make_member(business)
    given = [{"picture": item(picture), "alt_en": "A raft", "alt_ja": "筏"}]
    return profile.save(
        business, section="pictures", texts={"pictures": given}, version=0, actor=member, at=timezone.now()
    )


def test_a_proposed_picture_stays_and_one_that_was_taken_back_goes_after_a_while() -> None:
    picture = old_picture()
    proposal = proposed(make.make_business(state="published"), picture)
    assert sweep(ahead=timedelta(days=400)) == 0 and there(picture)
    profile.withdraw(proposal, actor=proposal.author, at=timezone.now())
    assert sweep() == 0 and there(picture)
    assert sweep(ahead=pictures.KEEP_JUDGED + timedelta(days=1)) == 1 and not there(picture)


def test_a_moved_clock_makes_no_picture_old() -> None:
    """Its row is about to be committed, whatever year the demo is in."""
    fresh = images.ingest(photo())
    assert sweep(ahead=timedelta(days=3_650)) == 0 and there(fresh)


def test_an_old_lost_picture_that_is_uploaded_again_is_as_young_as_a_new_one() -> None:
    lost = old_picture()
    assert images.ingest(photo()) == lost
    assert sweep() == 0 and there(lost)


def test_a_picture_that_comes_again_while_it_is_being_judged_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = old_picture()
    judged = pictures._named

    def meanwhile(*given: Any) -> set[str]:
        images.ingest(photo())
        return judged(*given)

    monkeypatch.setattr(pictures, "_named", meanwhile)
    assert sweep() == 0 and there(lost)


def test_a_sweep_that_was_killed_half_way_is_made_good_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = images.ingest(io.BytesIO(files.jpeg(1_300, 800)))
    age(lost)
    delete, done = default_storage.delete, []

    def killed(name: str) -> None:
        if done:
            raise KeyboardInterrupt
        done.append(name)
        delete(name)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(default_storage, "delete", killed)
        sweep()
    assert not there(lost)
    age(lost)
    assert sweep() == 1 and not default_storage.exists(f"{images.FOLDER}/{lost.digest}")


def test_whoever_stores_a_picture_waits_for_the_sweep_that_deletes_it(own_folder: Path) -> None:
    """Another process holds the lock; a dead one holds none."""
    lost = old_picture()
    program = f"""
        import fcntl, time
        file = open({str(own_folder / ".lock")!r}, "a")
        fcntl.flock(file, fcntl.LOCK_EX)
        print("held", flush=True)
        time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        begun = time.monotonic()
        killer = subprocess.Popen(["sh", "-c", f"sleep 1; kill -9 {holder.pid}"])
        assert images.ingest(photo()) == lost
        waited = time.monotonic() - begun
        killer.wait()
    assert waited > 0.8 and there(lost)


def test_a_form_that_outlived_its_picture_asks_for_it_again() -> None:
    picture = old_picture()
    assert images.renew(picture) and sweep() == 0
    age(picture)
    assert sweep() == 1 and not images.renew(picture)
