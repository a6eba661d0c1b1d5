from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BusinessesConfig(AppConfig):
    name = "businesses"
    verbose_name = _("Businesses")

    def ready(self) -> None:
        from businesses import mail_samples, pictures
        from businesses.following import digest_day, mails
        from businesses.following import services as following
        from businesses.news import services as news
        from businesses.profile import mails as profile_mails
        from businesses.questions import mails as question_mails
        from microfund.kernel import locks
        from microfund.kernel.schedule import services as schedule

        locks.declare_order(
            "businesses.Business", "businesses.Proposal", "businesses.Post", "businesses.Comment", "businesses.Question"
        )
        schedule.register("news.publish", news.publish_due, cadence="minute", order=5)
        schedule.register("news.digest", mails.digest_due, cadence="day", order=40)
        schedule.register("news.digest_own", digest_day.due, cadence="day", order=40)
        schedule.register("news.forget", following.forget_due, cadence="day", order=41)
        schedule.register("pictures.lost", pictures.sweep_lost, cadence="day", order=42)
        mails.register()
        profile_mails.register()
        question_mails.register()
        mail_samples.register()
