from heliograph.core import magic_numbers, numbers

TO = {"+15005550001": 21211, "+15005550002": 21612, "+15005550003": 21408, "+15005550004": 21610, "+15005550009": 21614}
FROM = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}


def test_the_codes_are_the_contracts() -> None:
    assert {number: fault.value.cxml for number, fault in magic_numbers.REFUSED_TO.items()} == TO
    assert {number: fault.value.cxml for number, fault in magic_numbers.REFUSED_FROM.items()} == FROM
    assert sorted(magic_numbers.ALWAYS_FROM) == ["+15005550006"]


def test_the_numbers_are_written_as_they_are_looked_up() -> None:
    assert all(numbers.normalize_to(number) == number for number in magic_numbers.REFUSED_TO)
    senders = {*magic_numbers.REFUSED_FROM, *magic_numbers.ALWAYS_FROM}
    assert all(numbers.normalize_from(number) == number for number in senders)
