import pytest

from l1demo.ui.class_link import lan_address, link, qr_code


@pytest.mark.parametrize(
    ("base", "lan", "address", "words"),
    [
        ("https://lab.school.org", "", "https://lab.school.org/our_class?set=a-b_c", ()),
        ("https://school.org/lab/", "", "https://school.org/lab/our_class?set=a-b_c", ()),
        ("https://school.org/lab/our_class", "", "https://school.org/lab/our_class?set=a-b_c", ()),
        ("http://10.1.2.3:8501", "", "http://10.1.2.3:8501/our_class?set=a-b_c", ("HTTPS only", "README")),
        ("http://localhost:8501", "192.168.1.7", "http://192.168.1.7:8501/our_class?set=a-b_c", ("own address", "HTTPS only")),
        ("http://127.0.0.1:8501", "192.168.1.7", "http://192.168.1.7:8501/our_class?set=a-b_c", ("own address", "HTTPS only")),
        ("http://[::1]:8501", "192.168.1.7", "http://192.168.1.7:8501/our_class?set=a-b_c", ("own address", "HTTPS only")),
        ("https://localhost", "192.168.1.7", "https://192.168.1.7/our_class?set=a-b_c", ("own address",)),
        ("http://localhost:8501", "", "http://localhost:8501/our_class?set=a-b_c", ("this computer alone", "README")),
    ],
)
def test_the_link_is_one_that_others_can_open_or_says_why_not(base: str, lan: str, address: str, words: tuple[str, ...]) -> None:
    found = link("a-b_c", base, lan)
    assert found.address == address
    assert all(each in found.warning for each in words)
    assert bool(found.warning) == bool(words)


def test_this_computers_address_is_of_no_loopback() -> None:
    assert not lan_address().startswith("127.")


def test_a_qr_code_is_dark_on_white_and_says_what_it_is() -> None:
    picture = qr_code("https://lab.school.org/our_class?set=a-b_c")
    assert picture.startswith('<img src="data:image/svg+xml')
    assert "#fff" in picture.replace("%23", "#")
    assert 'alt="QR code of the link to this class set"' in picture
    assert picture != qr_code("https://lab.school.org/our_class?set=other")
