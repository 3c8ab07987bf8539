"""The English topics of the simulated bot: Markdown of every kind that a chat bridge has to show."""

import re

from simulators.coze.answers import Answer, Asked, Topic, called, grown, plain, recalled

HELP = """I am a **simulated Coze bot**. Ask me anything, or try one of these:

- `list`, `nested list`, `table`, `headings`, `links`, `quote`, `math`, `bold`, `image`
- `python code`, `javascript code`, `generics`
- `long 12000` for a long answer, `write an essay` for a middling one
- `think about …` for reasoning, `weather in Paris` for a tool, `refund policy` for knowledge
- `my name is …`, then `what is my name?`; `what did I ask before?`
- `two answers`, `say nothing`, `order pizza`, `local tool`, `fail 4028`
- `echo: anything` and I say exactly that"""

LIST = """Here are five things to check before a release:

1. **Tests** pass on a clean machine
2. The *changelog* names every visible change
3. Version numbers agree
4. `README.md` still tells the truth
5. Somebody else has read the diff

Tell me if you want a longer list."""

NESTED = """A small plan for the week:

- **Monday**
  - Read the open issues
    - bugs first
    - then questions
  - Answer the oldest one
- **Wednesday**
  1. Write the migration
  2. Try it on a copy
     - with an empty table
     - with a large one
- **Friday**
  - Release, then *rest*"""

PYTHON = '''A function that yields the Fibonacci numbers:

```python
from collections.abc import Iterator


def fibonacci(limit: int) -> Iterator[int]:
    """Every Fibonacci number below `limit`."""
    a, b = 0, 1
    while a < limit:
        yield a
        a, b = b, a + b


print(list(fibonacci(100)))  # [0, 1, 1, 2, 3, 5, 8, ...]
```

Call it with `fibonacci(1_000)` for more; the `*args` and `__init__` of a class are not needed here.'''

JAVASCRIPT = """This debounces a function, so that it runs once after the last call:

```js
const debounce = (fn, ms = 250) => {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => fn(...args), ms);
  };
};

input.addEventListener("input", debounce(e => console.log(`<${e.target.value}>`)));
```

Note that `a && b || c` is read as `(a && b) || c`."""

GENERICS = """In Java, `List<String>` is not a `List<Object>`, although String is an Object. Use a wildcard:

```java
static <T extends Comparable<T>> T max(List<? extends T> items) {
    Map<String, List<Integer>> seen = new HashMap<>();
    return items.stream().max(Comparator.naturalOrder()).orElseThrow();
}
```

So Map<String, List<Integer>> holds lists, and `x < y && y > z` stays a comparison & nothing else."""

TABLE = """A comparison of the three stores:

| Store | Writes/s | Durable | Notes |
|:------|---------:|:-------:|-------|
| SQLite | 1,200 | yes | one writer at a time |
| PostgreSQL | 9,500 | yes | needs a *server* |
| Redis | 80,000 | `maybe` | see `appendfsync` |

For one machine, **SQLite** is enough."""

HEADINGS = """# Deploying the service

A short guide.

## Before you begin

You need a token and a host.

### The token

Create it in the console; it starts with `pat_`.

## Starting it

Run the unit and look at its log.

---

#### A closing word

Roll back with one command if anything looks wrong."""

LINKS = """Some pages worth reading:

- [Python (programming language)](https://en.wikipedia.org/wiki/Python_(programming_language))
- [Search with two parameters](https://example.com/search?q=a+b&lang=en#top)
- The bare address https://example.com/a_b_c/index.html and <https://example.org>
- [A *formatted* label](https://example.com/x "with a title")"""

BOLD = """**Bold**, *italic*, ***both***, ~~struck~~ and `code`; also __bold__ and _italic_.

Snake_case_names and 2 * 3 * 4 stay as they are, and **so does (this)**.\x20\x20
A word can be **part**ly bold; an asterisk \\* can be escaped."""

MATH = """The solutions of $ax^2 + bx + c = 0$ are

$$x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}$$

and \\(e^{i\\pi} + 1 = 0\\). A price such as $5 or $10 is no formula."""

QUOTE = """As the old text says:

> Make it as simple as possible,
> but not simpler.
>
> > And inside it, somebody answered: *"Why not?"*

That is all — no more & no less."""

IMAGE = """Here is the picture you asked for:

![A red bicycle](https://example.com/pictures/bicycle.png?sign=abc%3D&expires=1718792949)

It shows a *red bicycle* leaning on a wall. 🚲"""

SENTENCES = (
    "A queue is a promise to somebody who is not in the room.",
    "The first version was small, and nobody was unhappy with it.",
    "Then came the second customer, with `another_field` and a deadline.",
    "Each retry made the log longer and the truth *harder to find*.",
    "We measured before we changed anything, and **were surprised**.",
    "It turned out that the slow part was a lock held over the network.",
    "A smaller transaction cured most of it.",
    "The rest was cured by [reading the manual](https://example.com/manual_(second_edition)).",
    "Nothing here is new, and all of it is easily forgotten.",
    "Write down what you promise, then test that you keep it.",
)
BLOCKS = (
    "- keep transactions short\n- name things once\n  - and only once\n- measure, *then* change",
    "```python\ndef settle(turns: list[str]) -> dict[str, int]:\n    return {turn: len(turn) for turn in turns}\n```",
    "> What is not written down has not been promised.",
    "| Step | Seconds |\n|---|---:|\n| read | 0.4 |\n| write | 1.7 |",
)


def default(asked: Asked) -> Answer:
    seen = "".join(f"\n- I received **{name}**." for name in asked.files)
    topic = re.sub(r"\s+", " ", asked.text).strip()[:200]
    text = f'You wrote: "{topic}".' if topic else "Hello! You wrote nothing."
    if re.match(r"(hi|hello|hey|good (morning|evening))\b", topic, re.IGNORECASE):
        text = f'Hello! Nice to hear from you. You wrote: "{topic}".'
    text += (
        f"{seen}\n\nI am a *simulated* bot, so here is a friendly thought rather than a fact: "
        "**small steps** are easier to check than large ones. Say `help` to see what else I can do."
    )
    return Answer(text=text, follow_ups=["What can you do?", "Show me a table", "Write some python code"])


def replied(asked: Asked) -> Answer:
    return Answer(text=f"Thank you. You answered **{asked.text.strip()}**, so the order is complete.")


def long(asked: Asked) -> Answer:
    return Answer(text=grown(min(int(asked.found[0]), 500_000), "# A long answer", "Chapter {}", SENTENCES, BLOCKS))


def essay(_asked: Asked) -> Answer:
    return Answer(text=grown(2_500, "# On queues", "Part {}", SENTENCES, BLOCKS), follow_ups=["Make it shorter"])


def reasoned(asked: Asked) -> Answer:
    return Answer(
        reasoning=f"The person asks: {asked.text.strip()[:80]} First I look for what is known. Then I check it twice.",
        text="After some thought:\n\n1. It depends on the size.\n2. For most people the **simple** way is right.",
    )


def knowledge(_asked: Asked) -> Answer:
    chunk = "Goods can be returned within 30 days if they are unused."
    chunks = [(chunk, "policy.pdf", "https://example.com/policy?a=1&b=2"), ("Refunds take 5 days.", "faq.md", "")]
    return Answer(
        messages=[recalled(chunks)],
        text="By our policy you can return goods within **30 days**, and the refund takes 5 days.",
        follow_ups=["How do I start a return?", "Is the shipping refunded?"],
    )


def weather(asked: Asked) -> Answer:
    city = asked.found[0].strip() or "Paris"
    return Answer(
        messages=called("weather", "get", {"city": city}, '{"temp":21,"sky":"clear"}'),
        text=f"In **{city}** it is 21 °C and clear. ☀️",
        follow_ups=["And tomorrow?"],
    )


def local_tool(_asked: Asked) -> Answer:
    return Answer(end="requires_action", text="With what the tool said: take an umbrella, it **will rain**.")


def several(_asked: Asked) -> Answer:
    return Answer(text="This is the **first** answer, from a plugin.", more=["And this is the *second* one."])


def order(_asked: Asked) -> Answer:
    return Answer(end="reply_message", text="With pleasure. How many portions shall it be?")


def fail(asked: Asked) -> Answer:
    return Answer(text="I begin, but then something breaks.", end="failed", code=int(asked.found[0]))


def name_told(asked: Asked) -> Answer:
    return Answer(text=f"Nice to meet you, **{asked.found[0].strip(' .!')}**! I shall remember that.")


def name_asked(asked: Asked) -> Answer:
    for text in reversed(asked.earlier):
        if found := re.search(r"\bmy name is ([^\n.,!?]+)", text, re.IGNORECASE):
            return Answer(text=f"Your name is **{found[1].strip()}**.")
    return Answer(text="I do not know your name yet. Tell me: `my name is …`")


def asked_before(asked: Asked) -> Answer:
    if not asked.earlier:
        return Answer(text="This is your first question here.")
    lines = "\n".join(f"{number}. {plain(text)}" for number, text in enumerate(asked.earlier, 1))
    return Answer(text=f"So far you asked:\n\n{lines}")


def said(text: str, *follow_ups: str) -> Answer:
    return Answer(text=text, follow_ups=list(follow_ups))


TOPICS: tuple[Topic, ...] = (
    (r"\blong (\d+)", long),
    (r"\bfail (\d{4,9})", fail),
    (r"\bmy name is ([^\n.,!?]+)", name_told),
    (r"\bwhat('s| is) my name", name_asked),
    (r"\bwhat did i (ask|say)", asked_before),
    (r"\b(help|what can you do)\b", lambda _: said(HELP, "nested list", "weather in Paris", "think about love")),
    (r"\bsay nothing|empty answer", lambda _: Answer()),
    (r"\b(two|several|many) answers", several),
    (r"\blocal (tool|plugin)", local_tool),
    (r"^\s*(please )?order (a |some )?\w+", order),
    (r"\bweather(?: in ([\w ]+))?", weather),
    (r"\b(refunds?|return policy|knowledge)\b", knowledge),
    (r"\b(think|reason|why)\b", reasoned),
    (r"\bnested\b", lambda _: said(NESTED)),
    (r"\b(generics?|java)\b", lambda _: said(GENERICS)),
    (r"\b(javascript|js|typescript)\b", lambda _: said(JAVASCRIPT)),
    (r"\b(python|code|function)\b", lambda _: said(PYTHON, "Now in JavaScript")),
    (r"\btables?\b", lambda _: said(TABLE, "Which one is the fastest?")),
    (r"\bheadings?\b", lambda _: said(HEADINGS)),
    (r"\blinks?\b", lambda _: said(LINKS)),
    (r"\b(bold|italic|emphasis)\b", lambda _: said(BOLD)),
    (r"\b(math|maths|formula|equation)\b", lambda _: said(MATH)),
    (r"\bquotes?\b", lambda _: said(QUOTE)),
    (r"\b(image|picture|photo)\b", lambda _: said(IMAGE)),
    (r"\b(essay|story|article)\b", essay),
    (r"\b(list|steps)\b", lambda _: said(LIST, "Make it longer")),
)
