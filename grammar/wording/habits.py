"""Words and signs that authors bring from other languages or from speech, and what to write instead."""

from grammar.wording.syntax import COMMENT

SIGNS = {
    "**": "there are no powers; multiply with `*`",
    "&&": "write `and`",
    "||": "write `or`",
    "&": "write `and`; texts are joined with `+`",
    "|": "write `or`",
    "!": "write `not`, or `!=` for unequal",
    "<>": "write `!=`",
    "===": "write `==`",
    "!==": "write `!=`",
    "=>": "write `>=`",
    "=<": "write `<=`",
    "->": "write one line after the other; what is inside json is read with `.`",
    ":=": "write `set NAME = VALUE` as a step of its own",
    "+=": "write `set NAME = (NAME or 0) + VALUE`",
    "-=": "write `set NAME = (NAME or 0) - VALUE`",
    "++": "write `set NAME = (NAME or 0) + 1`",
    "{": "values in braces stand only in texts, as {{ }}; a list is written with [ ]",
    "}": "values in braces stand only in texts, as {{ }}; a list is written with [ ]",
    ";": "write each step on a line of its own",
    "?": "write `A if CONDITION else B`",
    "\\": "a line goes on only inside brackets",
    "~": "write `not`",
    "$": "write a name as it is, without a sign before it",
    "@": "write a name as it is, without a sign before it",
    "`": "put texts in plain quotes, and write names without quotes",
    "^": "there are no powers; multiply with `*`",
}
"""Signs that there are not."""

OPERATORS = {
    "like": 'write `startswith(A, "B")`, `endswith(A, "B")`, `"B" in A` or `matches(A, "PATTERN")`',
    "between": "write `1 <= A <= 5`",
    **dict.fromkeys(("contains", "contain", "includes", "include", "has"), 'write `"B" in A`'),
    **dict.fromkeys(("starts", "startswith", "begins"), 'write `startswith(A, "B")`'),
    **dict.fromkeys(("ends", "endswith"), 'write `endswith(A, "B")`'),
    "matches": 'write `matches(A, "PATTERN")`',
    **dict.fromkeys(("greater", "more", "above", "over", "after", "gt"), "write `A > B`"),
    **dict.fromkeys(("less", "fewer", "below", "under", "before", "lt"), "write `A < B`"),
    **dict.fromkeys(("gte", "ge"), "write `A >= B`"),
    **dict.fromkeys(("lte", "le"), "write `A <= B`"),
    **dict.fromkeys(("equals", "equal", "eq"), "write `A == B`"),
    **dict.fromkeys(("ne", "isnt", "differs"), "write `A != B`"),
    **dict.fromkeys(("exists", "known", "set"), "write `A is not None`"),
    "plus": "write `+`",
    "minus": "write `-`",
    "times": "write the number alone; to multiply write `*`",
    "mod": "write `%`",
    "xor": "write `(A and not B) or (B and not A)`",
    "then": "leave it out: the steps stand indented below a colon",
    "than": "leave it out",
    "segment": 'write `in_segment("NAME")`',
    "last": "write `now - event_last_time_1 < 7d`",
    "within": "write `now - event_last_time_1 < 7d`",
    "ago": "write `now - 5m`",
}
"""Words between two values. A and B stand for these."""

AFTER_IS = {
    **{word: OPERATORS[word] for word in ("greater", "more", "above", "over", "less", "fewer", "below", "under")},
    **{word: OPERATORS[word] for word in ("equal", "between", "like", "after", "before", "known", "set")},
    **dict.fromkeys(("empty", "unknown", "missing", "undefined", "nil"), "write `A is None`, or `not A`"),
    "in": "write `in` alone",
}
"""Words behind `is`."""

AFTER_IS_NOT = dict.fromkeys(("empty", "unknown", "missing", "undefined", "nil"), "write `A is not None`, or `A` alone")
"""Words behind `is not`."""

FUNCTIONS = {
    "sum": "add with `+`",
    **dict.fromkeys(("avg", "average", "mean"), "add with `+`, and divide with `/`"),
    "count": "the events of a visitor are counted in `event_count_1` and so on; members are counted by `len`",
    "event_count": "write `event_count_1`, with the number of the event",
    "and": "write `A and B`",
    "or": "write `A or B`",
    "not": "write `not A`",
    "if": "write `A if CONDITION else B`",
    "iif": "write `A if CONDITION else B`",
    **dict.fromkeys(("ifnull", "isnull", "coalesce", "nvl", "default"), "write `A or B`, or compare by `is None`"),
    **dict.fromkeys(("isblank", "isempty", "empty", "is_null", "is_empty"), "write `not A`, or `A is None`"),
    **dict.fromkeys(("exists", "defined", "isset", "has"), "write `A is not None`"),
    **dict.fromkeys(("contains", "includes", "has_text", "find", "instr"), 'write `"B" in A`'),
    **dict.fromkeys(("str", "string", "to_string", "tostring", "to_text", "format"), "write `text(A)`"),
    **dict.fromkeys(("number", "to_number", "parseint", "to_int", "integer"), "write `int(A)` or `float(A)`"),
    **dict.fromkeys(("length", "size", "count_items"), "write `len(A)`"),
    **dict.fromkeys(("lcase", "tolower", "tolowercase", "lowercase"), "write `lower(A)`"),
    **dict.fromkeys(("ucase", "toupper", "touppercase", "uppercase"), "write `upper(A)`"),
    "trim": "write `strip(A)`",
    **dict.fromkeys(("starts_with", "startsw", "begins_with"), 'write `startswith(A, "B")`'),
    "ends_with": 'write `endswith(A, "B")`',
    **dict.fromkeys(("regex", "regexp", "match", "re", "like", "search", "test"), 'write `matches(A, "PATTERN")`'),
    **dict.fromkeys(("concat", "concatenate", "join"), "join texts with `+`"),
    **dict.fromkeys(("substr", "substring", "left", "right", "mid", "slice"), "compare by `startswith` or `endswith`"),
    **dict.fromkeys(("day", "days", "datediff", "date_diff", "days_between"), "write `(now - A) / 1d`"),
    **dict.fromkeys(("hours", "minutes", "seconds", "weeks"), "divide a length of time by `1h`, `1m`, `1s` or `1w`"),
    **dict.fromkeys(("dateadd", "date_add", "add_days"), "write `A + 7d`"),
    "now": "write `now`",
    **dict.fromkeys(("current_date", "curdate", "current_day"), "write `today()`"),
    **dict.fromkeys(("getdate", "current_timestamp", "date_now"), "write `now`"),
    "yesterday": "write `today() - 1d`",
    "tomorrow": "write `today() + 1d`",
    **dict.fromkeys(("dayofweek", "day_of_week", "dow", "getday"), "write `weekday(now)`, where Monday is 1"),
    **dict.fromkeys(("strftime", "date_format", "format_date", "to_char"), 'write `format_time(A, "%d.%m.%Y")`'),
    "bool": "any value may stand as a condition",
    **dict.fromkeys(("random", "rand"), "nothing is random here: divide visitors with a `split`"),
    **dict.fromkeys(("segment", "is_in_segment", "in_group"), 'write `in_segment("NAME")`'),
    **dict.fromkeys(("power", "pow"), "there are no powers; multiply with `*`"),
    **dict.fromkeys(("ceil", "ceiling", "floor", "trunc"), "write `round(A)`, `int(A)` or `A // 1`"),
}
"""Functions that there are not, in small letters."""

NAMES = {
    **dict.fromkeys(("nil", "none", "null", "undefined", "empty", "nothing", "na", "nan"), "write `None`"),
    **dict.fromkeys(("yes", "on"), "write `True`"),
    **dict.fromkeys(("no", "off"), "write `False`"),
    "yesterday": "write `today() - 1d`",
    "tomorrow": "write `today() + 1d`",
    **dict.fromkeys(("user", "visitor", "customer", "contact"), "write `user_email`, `user_city` and so on"),
    "lambda": "there are no functions of your own",
    **dict.fromkeys(("time", "current_time", "current_date", "date_now"), "write `now`, `today()` or `hour(now)`"),
}
"""Names of values, in small letters."""

FIELD_TYPES = {
    **dict.fromkeys(("number", "numeric", "integer", "bigint", "long"), "int"),
    **dict.fromkeys(("decimal", "double", "real", "money"), "float"),
    **dict.fromkeys(("string", "str", "varchar", "char"), "text"),
    **dict.fromkeys(("boolean", "flag", "checkbox"), "bool"),
    **dict.fromkeys(("date", "time", "timestamp", "moment"), "datetime"),
}
"""Types of fields by the names that other languages have for them."""

STEPS = {
    **dict.fromkeys(("elseif", "elsif"), "elif"),
    **dict.fromkeys(("after", "delay", "sleep"), "wait"),
    **dict.fromkeys(("end", "return"), "stop"),
    **dict.fromkeys(("email", "mail"), "send email"),
    "message": "send web",
    "webhook": "send webhook",
    "trigger": "on",
    "otherwise": "else",
    "let": "set",
}
"""Steps and clauses by other names."""

NO_STEPS = {
    **dict.fromkeys(
        ("while", "for", "repeat", "loop", "goto"),
        "there are no loops; a flow starts again with each event, and `wait until` waits for a condition",
    ),
    "unless": "write `if not (…):`",
    **dict.fromkeys(("unset", "clear", "delete"), "write `set NAME = None`"),
    **dict.fromkeys(("increment", "add", "inc"), "write `set NAME = (NAME or 0) + 1`"),
    **dict.fromkeys(("//", "/"), COMMENT),
}
"""Steps that there are not, and what to write."""

PARTS = {
    **dict.fromkeys(("title", "heading"), "subject"),
    **dict.fromkeys(("body", "message", "content"), "text"),
    "from": "sender",
    **dict.fromkeys(("recipient", "address"), "to"),
}
"""Parts of messages by other names."""

TEST_COMMANDS = {
    **dict.fromkeys(("assert", "check", "should"), "expect"),
    **dict.fromkeys(("event", "send", "fire", "trigger"), "track"),
    **dict.fromkeys(("include", "import", "use"), "load"),
    "timezone": "zone",
}
"""Commands of flow tests by other names."""

TEXT_PREFIXES = frozenset({"f", "r", "b", "u", "br", "rb", "fr", "rf"})
CURRENCIES = frozenset("$€£¥₹₽元")
