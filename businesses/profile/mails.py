"""The mail to the owners of a business when staff have looked at what was proposed for its page (pages.md O2)."""

from __future__ import annotations

from django.utils import translation

from businesses.events import ProposalReviewed
from businesses.members import owners_of
from microfund.kernel.notices import services as notices
from microfund.kernel.notices.parts import link, name_of
from microfund.kernel.outbox.services import subscribe

from .models import Proposal


def register() -> None:
    """Subscribe; called once when the app is ready."""
    subscribe(ProposalReviewed, proposal_reviewed)


def proposal_reviewed(event: ProposalReviewed) -> None:
    """Published, or returned: to each owner once, in the language of the account. Comments are read in the studio."""
    proposal = Proposal.objects.select_related("business").get(pk=event.proposal_id)
    kind = "proposal_published" if event.state == Proposal.State.PUBLISHED else "proposal_returned"
    for owner in owners_of(proposal.business):
        with translation.override(owner.user.language):
            notices.queue(
                kind,
                key=f"{kind}:{proposal.pk}:{event.at.isoformat()}:{owner.user_id}",
                to=owner.user.email,
                language=owner.user.language,
                at=event.at,
                user=owner.user,
                context={
                    "name": name_of(proposal.business),
                    "section": proposal.get_section_display(),
                    "page_url": link("businesses:detail", proposal.business.slug),
                    "studio_url": link(f"studio:{proposal.section}", proposal.business.slug),
                },
            )
