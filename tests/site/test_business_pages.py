import pytest
from tests import make
pytestmark = pytest.mark.django_db

@pytest.mark.parametrize("lang", ["", "/ja"])
@pytest.mark.parametrize("path", ["/", "/businesses/", "/businesses/?trade=oyster&stage=raising", "/businesses/S/", "/businesses/S/terms/", "/businesses/S/simulator/", "/how-it-works/", "/risks/", "/fees/", "/glossary/", "/styleguide/"])
def test_smoke(client, path, lang):
    fund = make.make_fund()
    r = client.get(lang + path.replace("S", fund.business.slug) if "S" in path else lang + path)
    assert r.status_code == 200
    if "S" in path or path == "/": print(r.content.decode()[:100])
