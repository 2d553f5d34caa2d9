"""Where numbers are at home: the states and provinces of North America's area codes, and the countries' names.

The numbering plan's library has a geocoder that knows more, down to towns. To load it takes seconds, which would stop
the event loop, and 180 MB. So its first level is kept here, in English (docs/adr/0020). `tests/core/test_places.py`
compares the two, and tells what a newer library has that this has not.
"""

from functools import cache
from typing import Final

_AREAS: Final = """
Alabama 205 251 256 334 659 938
Alaska 907
Alberta 368 403 587 780 825
Arizona 480 520 602 623 928
Arkansas 327 479 501 870
British Columbia 236 250 257 604 672 778
California 209 213 279 323 341 350 369 408 415 424 442 510 530 559 562 619 626 628 650 657 661 669 707 714 738
    747 760 805 818 820 831 840 858 909 916 925 949 951
Colorado 303 719 720 748 970 983
Connecticut 475 860 959
Delaware 302
Florida 239 305 321 324 352 386 407 448 561 645 656 689 727 728 754 772 786 813 850 863 904 941 954
Georgia 229 404 470 478 678 706 762 770 912 943
Hawaii 808
Idaho 208 986
Illinois 217 224 309 312 331 447 464 618 630 708 730 773 779 815 847 872
Indiana 219 260 317 463 574 765 812 930
Iowa 319 515 563 641 712
Kansas 316 620 785 913
Kentucky 270 364 502 606 859
Louisiana 225 318 337 504 985
Maine 207
Manitoba 204 431 584
Maryland 227 240 301 410 443 667
Massachusetts 339 351 413 508 617 774 781 857 978
Michigan 231 248 269 313 517 586 616 734 810 906 947 989
Minnesota 218 320 507 612 651 763 952
Mississippi 228 601 662 769
Missouri 235 314 417 557 573 636 660 816 975
Montana 406
Nebraska 308 402 531
Nevada 702 725 775
New Brunswick 428 506
New Hampshire 603
New Jersey 201 551 609 640 732 848 856 862 908 973
New Mexico 505 575
New York 212 315 329 332 347 363 516 518 585 607 631 646 680 716 838 845 914 917 929 934
Newfoundland and Labrador 709 879
North Carolina 252 336 472 704 743 828 910 919 980 984
North Dakota 701
Northwest Territories/Nunavut/Yukon 867
Nova Scotia/Prince Edward Island 782 902
Ohio 216 220 234 283 326 330 380 419 440 513 567 614 740 937
Oklahoma 405 539 572 580 918
Ontario 226 249 289 343 365 382 416 437 519 548 613 647 683 705 742 753 807 942
Oregon 458 503 541 971
Pennsylvania 215 223 267 272 412 445 484 570 582 610 717 724 814 835 878
Quebec 263 273 354 367 418 438 450 468 514 579 581 819 873
Rhode Island 401
Saskatchewan 306 474 639
South Carolina 803 821 839 843 854 864
South Dakota 605
Tennessee 423 615 629 731 865 901 931
Texas 210 214 254 281 325 346 361 409 430 432 469 512 682 726 737 806 817 830 832 903 915 936 940 945 956 972
    979
Utah 385 435 801
Vermont 802
Virginia 276 434 540 571 686 703 757 804 826 948
Washington 206 253 360 425 509 564
Washington D.C. 202 771
West Virginia 304 681
Wisconsin 262 274 353 414 534 608 715 920
Wyoming 307
"""
"""A place, then its area codes; an indented line goes on with the one before it."""

_COUNTRIES: Final = """
AC Ascension Island; AD Andorra; AE United Arab Emirates; AF Afghanistan; AG Antigua and Barbuda; AI Anguilla;
AL Albania; AM Armenia; AO Angola; AR Argentina; AS American Samoa; AT Austria; AU Australia; AW Aruba;
AX Åland Islands; AZ Azerbaijan; BA Bosnia and Herzegovina; BB Barbados; BD Bangladesh; BE Belgium; BF Burkina Faso;
BG Bulgaria; BH Bahrain; BI Burundi; BJ Benin; BL Saint Barthélemy; BM Bermuda; BN Brunei; BO Bolivia;
BQ Bonaire, Sint Eustatius and Saba; BR Brazil; BS Bahamas; BT Bhutan; BW Botswana; BY Belarus; BZ Belize;
CA Canada; CC Cocos Islands; CD Democratic Republic of the Congo; CF Central African Republic;
CG Republic of the Congo; CH Switzerland; CI Côte d'Ivoire; CK Cook Islands; CL Chile; CM Cameroon; CN China;
CO Colombia; CR Costa Rica; CU Cuba; CV Cape Verde; CW Curaçao; CX Christmas Island; CY Cyprus; CZ Czechia;
DE Germany; DJ Djibouti; DK Denmark; DM Dominica; DO Dominican Republic; DZ Algeria; EC Ecuador; EE Estonia;
EG Egypt; EH Western Sahara; ER Eritrea; ES Spain; ET Ethiopia; FI Finland; FJ Fiji; FK Falkland Islands;
FM Micronesia; FO Faroe Islands; FR France; GA Gabon; GB United Kingdom; GD Grenada; GE Georgia; GF French Guiana;
GG Guernsey; GH Ghana; GI Gibraltar; GL Greenland; GM Gambia; GN Guinea; GP Guadeloupe; GQ Equatorial Guinea;
GR Greece; GT Guatemala; GU Guam; GW Guinea-Bissau; GY Guyana; HK Hong Kong; HN Honduras; HR Croatia; HT Haiti;
HU Hungary; ID Indonesia; IE Ireland; IL Israel; IM Isle of Man; IN India; IO British Indian Ocean Territory;
IQ Iraq; IR Iran; IS Iceland; IT Italy; JE Jersey; JM Jamaica; JO Jordan; JP Japan; KE Kenya; KG Kyrgyzstan;
KH Cambodia; KI Kiribati; KM Comoros; KN Saint Kitts and Nevis; KP North Korea; KR South Korea; KW Kuwait;
KY Cayman Islands; KZ Kazakhstan; LA Laos; LB Lebanon; LC Saint Lucia; LI Liechtenstein; LK Sri Lanka; LR Liberia;
LS Lesotho; LT Lithuania; LU Luxembourg; LV Latvia; LY Libya; MA Morocco; MC Monaco; MD Moldova; ME Montenegro;
MF Saint Martin; MG Madagascar; MH Marshall Islands; MK North Macedonia; ML Mali; MM Myanmar; MN Mongolia; MO Macao;
MP Northern Mariana Islands; MQ Martinique; MR Mauritania; MS Montserrat; MT Malta; MU Mauritius; MV Maldives;
MW Malawi; MX Mexico; MY Malaysia; MZ Mozambique; NA Namibia; NC New Caledonia; NE Niger; NF Norfolk Island;
NG Nigeria; NI Nicaragua; NL Netherlands; NO Norway; NP Nepal; NR Nauru; NU Niue; NZ New Zealand; OM Oman;
PA Panama; PE Peru; PF French Polynesia; PG Papua New Guinea; PH Philippines; PK Pakistan; PL Poland;
PM Saint Pierre and Miquelon; PR Puerto Rico; PS Palestine; PT Portugal; PW Palau; PY Paraguay; QA Qatar;
RE Réunion; RO Romania; RS Serbia; RU Russia; RW Rwanda; SA Saudi Arabia; SB Solomon Islands; SC Seychelles;
SD Sudan; SE Sweden; SG Singapore; SH Saint Helena; SI Slovenia; SJ Svalbard and Jan Mayen; SK Slovakia;
SL Sierra Leone; SM San Marino; SN Senegal; SO Somalia; SR Suriname; SS South Sudan; ST Sao Tome and Principe;
SV El Salvador; SX Sint Maarten; SY Syria; SZ Eswatini; TA Tristan da Cunha; TC Turks and Caicos Islands; TD Chad;
TG Togo; TH Thailand; TJ Tajikistan; TK Tokelau; TL Timor-Leste; TM Turkmenistan; TN Tunisia; TO Tonga; TR Turkey;
TT Trinidad and Tobago; TV Tuvalu; TW Taiwan; TZ Tanzania; UA Ukraine; UG Uganda; US United States; UY Uruguay;
UZ Uzbekistan; VA Vatican; VC Saint Vincent and the Grenadines; VE Venezuela; VG British Virgin Islands;
VI U.S. Virgin Islands; VN Vietnam; VU Vanuatu; WF Wallis and Futuna; WS Samoa; XK Kosovo; YE Yemen; YT Mayotte;
ZA South Africa; ZM Zambia; ZW Zimbabwe
"""
"""ISO 3166 codes, and XK as the numbering plan has it, each with its name."""


def area(code: str) -> str | None:
    """Return the state, province or territory that an area code of North America covers, in words.

    None for one of another country, and for those of no place (toll-free, say).
    """
    return _areas().get(code)


def country(code: str) -> str:
    """Return the English name of an ISO 3166 alpha-2 country, or the code itself where none is known."""
    return _countries().get(code, code)


def is_country(code: str) -> bool:
    """Whether ``code`` is an ISO 3166 alpha-2 country, in upper case."""
    return code in _countries()


@cache
def _areas() -> dict[str, str]:
    found = {}
    for line in _AREAS.replace("\n    ", " ").split("\n"):
        words = line.split()
        name = " ".join(word for word in words if not word.isdigit())
        found.update(dict.fromkeys((word for word in words if word.isdigit()), name))
    return found


@cache
def _countries() -> dict[str, str]:
    pairs = (pair.split(maxsplit=1) for pair in _COUNTRIES.split(";"))
    return {code: name for code, name in pairs}
