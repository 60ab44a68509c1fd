"""The words of the simulated world: kinds of touches, segments, companies, names, pages.

Everything here is a constant. How often something happens does not belong here but in ``journeys``; campaigns
have their own words in ``campaigns``. Codes are those of the policy tables, industries and sizes follow the
default segments and ICP, so that a believable share of people fits.
"""

from typing import NamedTuple

VENDOR_DOMAIN = "leadproof.example"
RIVAL_DOMAIN = "rival.example"


class Kind(NamedTuple):
    """One kind of touch and the fields that its context fixes.

    Args:
        name: How the simulator calls it.
        channel: Channel code.
        touch_type: Touch type code.
        actor: ``company``, ``system`` or ``contact``.
        keys: Which identity keys such a touch carries: ``crm``, ``web``, ``form``, ``click`` or ``phone``.
        placement: Placement code, if the source records one.
        keyword_intent: Keyword intent code.
        audience_consent: Consent code.
        content_fit: Content fit code.
        initiated_by: Who began.
    """

    name: str
    channel: str
    touch_type: str
    actor: str
    keys: str
    placement: str | None = None
    keyword_intent: str | None = None
    audience_consent: str | None = None
    content_fit: str | None = None
    initiated_by: str | None = None


KINDS: tuple[Kind, ...] = (
    # What the company does.
    Kind(
        "cold_mail",
        "email",
        "email_sent",
        "company",
        "crm",
        placement="cold_list",
        audience_consent="none",
        initiated_by="company",
    ),
    Kind(
        "news_mail",
        "email",
        "email_sent",
        "company",
        "crm",
        placement="newsletter",
        audience_consent="opt_in",
        initiated_by="company",
    ),
    Kind("follow_up", "email", "follow_up_sent", "company", "crm", initiated_by="company"),
    Kind("second_mail", "email", "follow_up_sent", "company", "crm", initiated_by="company"),
    Kind(
        "cold_call", "phone", "call_made", "company", "phone", audience_consent="none", initiated_by="company"
    ),
    Kind("social_message", "social_selling", "message_sent", "company", "crm", initiated_by="company"),
    Kind("letter", "direct_mail", "direct_mail_sent", "company", "crm", initiated_by="company"),
    Kind("feed_impression", "paid_social", "ad_impression", "company", "crm", placement="feed_ad"),
    Kind("display_impression", "display", "ad_impression", "company", "crm", placement="display_ad"),
    Kind("video_impression", "video", "ad_impression", "company", "crm", placement="pre_roll"),
    Kind("popup", "website", "popup_shown", "company", "web", placement="popup"),
    Kind(
        "webinar_invite",
        "webinar",
        "webinar_invitation",
        "company",
        "crm",
        audience_consent="opt_in",
        initiated_by="company",
    ),
    Kind(
        "event_invite",
        "event",
        "event_invitation",
        "company",
        "crm",
        audience_consent="none",
        initiated_by="company",
    ),
    Kind("meeting_invite", "email", "meeting_invited", "company", "crm", initiated_by="company"),
    # What machines do.
    Kind(
        "bounce",
        "email",
        "email_bounced",
        "system",
        "crm",
        placement="cold_list",
        audience_consent="none",
        initiated_by="company",
    ),
    Kind(
        "absence",
        "email",
        "auto_reply",
        "system",
        "crm",
        placement="cold_list",
        audience_consent="none",
        initiated_by="company",
    ),
    Kind(
        "cold_open",
        "email",
        "email_open",
        "contact",
        "crm",
        placement="cold_list",
        audience_consent="none",
        initiated_by="company",
    ),
    Kind(
        "news_open",
        "email",
        "email_open",
        "contact",
        "crm",
        placement="newsletter",
        audience_consent="opt_in",
        initiated_by="company",
    ),
    # Answers to what the company did.
    Kind(
        "cold_reply",
        "email",
        "email_reply",
        "contact",
        "crm",
        placement="cold_list",
        audience_consent="none",
        initiated_by="company",
    ),
    Kind(
        "cold_click",
        "email",
        "email_click",
        "contact",
        "click",
        placement="cold_list",
        audience_consent="none",
        initiated_by="company",
    ),
    Kind(
        "news_click",
        "email",
        "email_click",
        "contact",
        "click",
        placement="newsletter",
        audience_consent="opt_in",
        initiated_by="company",
    ),
    Kind("plain_reply", "email", "email_reply", "contact", "crm"),
    Kind("unknown_click", "email", "email_click", "contact", "click"),
    Kind("call_answered", "phone", "call_answered", "contact", "phone", initiated_by="company"),
    Kind("social_reply", "social_selling", "message_reply", "contact", "crm"),
    Kind("letter_request", "direct_mail", "contact_request", "contact", "form", placement="landing_page"),
    Kind("letter_visit", "direct_mail", "page_visit", "contact", "click", placement="landing_page"),
    Kind("feed_click", "paid_social", "ad_click", "contact", "click", placement="feed_ad"),
    Kind("lead_form", "paid_social", "lead_form_submit", "contact", "form", placement="lead_form_ad"),
    Kind("display_click", "display", "ad_click", "contact", "click", placement="display_ad"),
    Kind("video_click", "video", "ad_click", "contact", "click", placement="pre_roll"),
    Kind("popup_form", "website", "form_submit", "contact", "form", placement="popup"),
    Kind("booth_visit", "event", "event_visit", "contact", "form", placement="booth"),
    Kind("meeting", "email", "meeting_attended", "contact", "crm"),
    # What people do of their own accord, or meet by broadcast.
    Kind("organic_visit", "organic_search", "page_visit", "contact", "web", placement="search_result"),
    Kind(
        "category_click",
        "paid_search",
        "ad_click",
        "contact",
        "web",
        placement="search_ad",
        keyword_intent="category",
    ),
    Kind(
        "brand_click",
        "paid_search",
        "ad_click",
        "contact",
        "web",
        placement="search_ad",
        keyword_intent="own_brand",
    ),
    Kind(
        "competitor_click",
        "paid_search",
        "ad_click",
        "contact",
        "web",
        placement="search_ad",
        keyword_intent="competitor_brand",
    ),
    Kind("unknown_keyword_click", "paid_search", "ad_click", "contact", "web", placement="search_ad"),
    Kind("site_visit", "website", "page_visit", "contact", "web", placement="page"),
    Kind("download", "content", "content_download", "contact", "form", placement="page"),
    Kind("article_visit", "content", "page_visit", "contact", "web", placement="page"),
    Kind("webinar_signup", "webinar", "webinar_registration", "contact", "form", placement="landing_page"),
    Kind("webinar_seat", "webinar", "webinar_attendance", "contact", "form"),
    Kind("tool_use", "free_tool", "free_tool_use", "contact", "web", placement="page"),
    Kind("newsletter_signup", "website", "newsletter_signup", "contact", "form", placement="page"),
    Kind(
        "demo_request", "website", "demo_request", "contact", "form", placement="page", initiated_by="contact"
    ),
    Kind(
        "contact_request",
        "website",
        "contact_request",
        "contact",
        "form",
        placement="page",
        initiated_by="contact",
    ),
    Kind(
        "pricing_request",
        "website",
        "pricing_request",
        "contact",
        "form",
        placement="page",
        initiated_by="contact",
    ),
    Kind("trial", "website", "trial_signup", "contact", "form", placement="page", initiated_by="contact"),
    Kind("inbound_call", "phone", "inbound_call", "contact", "phone", initiated_by="contact"),
    Kind("chat", "chat", "chat_message", "contact", "web", initiated_by="contact"),
    Kind("review_visit", "review_site", "page_visit", "contact", "web"),
    Kind("video_visit", "video", "page_visit", "contact", "web", placement="search_result"),
    Kind("fitting_influencer", "influencer", "page_visit", "contact", "web", content_fit="on_topic"),
    Kind("unfit_influencer", "influencer", "page_visit", "contact", "web", content_fit="off_topic"),
    Kind("unknown_influencer", "influencer", "page_visit", "contact", "web"),
    Kind("social_follow", "organic_social", "social_follow", "contact", "click", placement="organic_post"),
    Kind("social_like", "organic_social", "social_engagement", "contact", "click", placement="organic_post"),
    Kind("introduction", "referral", "referral_introduction", "contact", "form", initiated_by="contact"),
    Kind(
        "partner_form",
        "partner",
        "form_submit",
        "contact",
        "form",
        placement="landing_page",
        initiated_by="contact",
    ),
    Kind("press_visit", "public_relations", "page_visit", "contact", "web"),
    Kind("talk_visit", "event", "event_visit", "contact", "form", placement="speaker_slot"),
    Kind("print_visit", "print", "page_visit", "contact", "web", placement="landing_page"),
    Kind("tv_visit", "tv", "page_visit", "contact", "web", placement="landing_page"),
    Kind("radio_visit", "radio", "page_visit", "contact", "web", placement="landing_page"),
    Kind("outdoor_visit", "outdoor", "page_visit", "contact", "web", placement="landing_page"),
    # How people say no.
    Kind("unsubscribe", "email", "unsubscribe", "contact", "crm", initiated_by="contact"),
    Kind("do_not_contact", "phone", "do_not_contact_request", "contact", "phone", initiated_by="contact"),
    Kind("complaint", "email", "spam_complaint", "contact", "crm", initiated_by="contact"),
)
KIND: dict[str, int] = {kind.name: index for index, kind in enumerate(KINDS)}

HAND_RAISES = ("demo_request", "contact_request", "pricing_request")
OPT_OUTS = ("unsubscribe", "do_not_contact", "complaint")

RELEVANCE: tuple[str | None, ...] = (None, "relevant", "irrelevant")
RELEVANT, IRRELEVANT = 1, 2

INTENTS: tuple[str | None, ...] = (
    None,
    "book_demo",
    "book_meeting",
    "request_pricing",
    "start_trial",
    "send_information",
    "ask_question",
    "refer_colleague",
    "not_now",
    "no_interest",
    "register",
    "read_on",
)
INTENT: dict[str | None, int] = {intent: code for code, intent in enumerate(INTENTS)}

OFFERS: tuple[str | None, ...] = (
    None,
    *(f"guide-{number:02d}" for number in range(1, 9)),
    *(f"webinar-{number:02d}" for number in range(1, 5)),
    "tool-maturity-check",
    "tool-cost-calculator",
)
OFFER_RANGE: dict[str, tuple[int, int]] = {
    "download": (1, 9),
    "article_visit": (1, 9),
    "webinar_signup": (9, 13),
    "webinar_seat": (9, 13),
    "webinar_invite": (9, 13),
    "tool_use": (13, 15),
}

_SITE = f"https://www.{VENDOR_DOMAIN}"
PAGES: tuple[str | None, ...] = (
    None,
    f"{_SITE}/",
    f"{_SITE}/product",
    f"{_SITE}/product/integrations",
    f"{_SITE}/pricing",
    f"{_SITE}/customers",
    f"{_SITE}/blog/pipeline-hygiene",
    f"{_SITE}/blog/handoff-checklist",
    f"{_SITE}/docs/getting-started",
    f"{_SITE}/product?utm_source=search&utm_medium=cpc",
    f"{_SITE}/pricing?utm_source=newsletter&utm_medium=email#plans",
    f"{_SITE}/lp/start?utm_source=social&utm_medium=paid",
    f"{_SITE}/demo",
    f"{_SITE}/contact",
    f"{_SITE}/trial",
    f"{_SITE}/newsletter",
)
PAGE_RANGE: dict[str, tuple[int, int]] = {
    "category_click": (9, 10),
    "brand_click": (9, 10),
    "competitor_click": (9, 10),
    "unknown_keyword_click": (9, 10),
    "news_click": (10, 11),
    "feed_click": (11, 12),
    "lead_form": (11, 12),
    "demo_request": (12, 13),
    "contact_request": (13, 14),
    "pricing_request": (4, 5),
    "trial": (14, 15),
    "newsletter_signup": (15, 16),
    "download": (6, 8),
    "article_visit": (6, 8),
}


class Segment(NamedTuple):
    """A kind of company and how its people are spread.

    Args:
        name: Name in the policy's segment rules; None where no rule exists.
        weight: Share of people.
        industries: Industries that occur.
        sizes: Smallest and largest number of employees.
        types: Company types that occur, the likely ones repeated.
        pull: Factor on interest and answers.
    """

    name: str | None
    weight: float
    industries: tuple[str, ...]
    sizes: tuple[int, int]
    types: tuple[str, ...]
    pull: float


SEGMENTS: tuple[Segment, ...] = (
    Segment(
        "mid_market_software",
        0.34,
        ("software", "software", "it_services", "technology"),
        (100, 1_900),
        ("private", "private", "private", "startup", "public", "subsidiary"),
        1.25,
    ),
    Segment(
        "enterprise_finance",
        0.14,
        ("financial_services",),
        (1_050, 6_000),
        ("public", "private", "subsidiary", "subsidiary"),
        0.95,
    ),
    Segment(
        "industrial",
        0.16,
        ("manufacturing", "manufacturing", "manufacturing", "logistics", "energy", "construction"),
        (110, 6_000),
        ("private", "private", "subsidiary", "public"),
        0.9,
    ),
    Segment(
        "advisory",
        0.14,
        ("consulting", "professional_services", "professional_services"),
        (60, 1_200),
        ("private", "private", "private", "agency", "subsidiary"),
        1.05,
    ),
    Segment(
        "small_software",
        0.09,
        ("software", "it_services"),
        (4, 98),
        ("startup", "startup", "private"),
        1.2,
    ),
    Segment(
        "public_and_care",
        0.07,
        ("government", "education", "healthcare", "non_profit"),
        (40, 6_000),
        ("government", "education", "non_profit", "private"),
        0.6,
    ),
    Segment(
        None,
        0.06,
        ("retail", "media", "hospitality", "agriculture"),
        (20, 4_000),
        ("private", "private", "public"),
        0.7,
    ),
)

# The ICP that the world's own behaviour follows: people who fit show more interest.
FIT_INDUSTRIES = frozenset(
    {
        "software",
        "it_services",
        "technology",
        "financial_services",
        "consulting",
        "professional_services",
        "manufacturing",
        "healthcare",
    }
)
FIT_SIZES = (100, 5_000)
FIT_TYPES = frozenset({"private", "public", "subsidiary", "startup"})

SIZE_BANDS: tuple[tuple[int, int], ...] = (
    (1, 10),
    (11, 50),
    (51, 99),
    (100, 200),
    (201, 500),
    (501, 1_000),
    (1_001, 2_000),
    (2_001, 5_000),
    (5_001, 10_000),
)

COUNTRIES = ("us", "us", "us", "ca", "gb", "gb", "de", "de", "fr", "nl", "at", "ch", "es", "se", "pl", "in")
FIT_COUNTRIES = frozenset(COUNTRIES) - {"in"}

SENIORITIES = ("c_level", "vp", "director", "manager", "individual")
SENIORITY_WEIGHTS = (0.12, 0.13, 0.24, 0.28, 0.23)
# Each row belongs to the seniority at the same place; the default title rules read all of them.
TITLES: tuple[tuple[str, ...], ...] = (
    ("Chief Revenue Officer", "CMO", "Chief Operating Officer", "CTO", "Founder", "Managing Director"),
    ("VP Marketing", "Vice President Sales", "SVP Operations", "VP Revenue Operations"),
    ("Director of Demand Generation", "Head of Marketing", "Director Sales Operations", "Head of Growth"),
    ("Marketing Manager", "Sales Operations Manager", "CRM Manager", "Team Lead Inside Sales"),
    ("Marketing Specialist", "Data Analyst", "Sales Development Representative", "CRM Administrator"),
)
JOB_SEEKER_TITLES = ("Open to work", "Marketing talent seeking new opportunities", "Job seeker in sales")

ACQUISITIONS = ("list_purchase", "web_form", "event", "referral", "partner", "import", "other")
ACQUISITION_WEIGHTS = (0.60, 0.13, 0.04, 0.02, 0.02, 0.15, 0.04)
LIST_PURCHASE, WEB_FORM, EVENT, REFERRAL, PARTNER, IMPORT, OTHER = range(7)

STAGE_CLAIMS: tuple[str | None, ...] = (None, "suspect", "prospect", "mql", "sql")

REJECTIONS = ("no budget", "wrong contact", "no need now", "could not be reached", "too small")

# Names are put together from these parts; none of them is meant to name anybody.
GIVEN_PARTS = ("Ma", "Lo", "Ri", "Te", "Sa", "Jo", "Ka", "Ne", "Vi", "Al", "Bo", "Da")
GIVEN_ENDS = ("ra", "lin", "no", "mi", "ven", "sa", "ton", "ri", "del", "ka")
FAMILY_PARTS = ("Bren", "Hol", "Kar", "Lun", "Mor", "Nar", "Pel", "Quin", "Sor", "Tal", "Ved", "Wil")
FAMILY_ENDS = ("der", "mont", "strom", "vik", "ley", "gard", "hurst", "bach", "wen", "ling")
COMPANY_PARTS = ("Nor", "Vel", "Astra", "Bri", "Cor", "Delta", "Ever", "Fin", "Gra", "Hexa", "Ilo", "Juno")
COMPANY_ENDS = ("vela", "tec", "mark", "lane", "works", "point", "field", "line", "core", "net")
COMPANY_FORMS = ("Systems", "Group", "Partners", "Industries", "Services", "Labs")
FREE_MAIL_DOMAINS = ("mail.example", "post.example", "inbox.example")
