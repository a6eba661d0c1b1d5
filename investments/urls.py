"""The funding flow and what a payer does with an order. The order's own page is in microfund/site."""

from django.urls import path

from investments.banking import views as banking
from investments.gifts import receive_views as receiving
from investments.gifts import views as giving
from investments.investors import address_views
from investments.investors import views as investors
from investments.orders import views as orders
from investments.payments import views as payments

app_name = "investments"
urlpatterns = [
    path("me/profile/", investors.profile, name="profile"),
    path("me/identity/", investors.identity_check, name="identity"),
    path("me/addresses/", address_views.address_list, name="addresses"),
    path("me/addresses/new/", address_views.address_edit, name="address_new"),
    path("me/addresses/<int:pk>/", address_views.address_edit, name="address"),
    path("me/addresses/<int:pk>/remove/", address_views.address_remove, name="address_remove"),
    path("me/bank/", banking.account, name="bank"),
    path("me/bank/change/", banking.choose_bank, name="bank_choose"),
    path("me/bank/change/<str:bank>/", banking.choose_branch, name="branch_choose"),
    path("me/bank/change/<str:bank>/<str:branch>/", banking.fill_in, name="bank_account"),
    path("fund/<slug:slug>/units/", orders.units, name="units"),
    path("fund/<slug:slug>/waiting/", orders.waiting_list, name="waiting"),
    path("fund/<slug:slug>/you/", orders.you, name="you"),
    path("fund/<slug:slug>/documents/", orders.documents, name="documents"),
    path("fund/<slug:slug>/documents/<int:document_id>/", orders.open_document, name="open_document"),
    path("fund/<slug:slug>/supporter/", orders.supporter, name="supporter"),
    path("fund/<slug:slug>/check/", payments.check, name="check"),
    path("me/gifts/", giving.gifts, name="gifts"),
    path("me/gifts/<slug:reference>/", giving.gift, name="gift"),
    path("me/gifts/<slug:reference>/card.pdf", giving.card, name="gift_card"),
    path("gifts/<str:token>/", receiving.offer, name="gift_offer"),
    path("gifts/<str:token>/you/", receiving.you, name="gift_you"),
    path("gifts/<str:token>/documents/", receiving.documents, name="gift_documents"),
    path("gifts/<str:token>/documents/<int:document_id>/", receiving.open_document, name="gift_document"),
    path("orders/<slug:reference>/pay/", payments.pay, name="pay"),
    path("orders/<slug:reference>/return/", payments.come_back, name="return"),
    path("orders/<slug:reference>/transfer/", payments.transfer, name="transfer"),
    path("orders/<slug:reference>/cancel/", payments.cancel, name="cancel"),
]
