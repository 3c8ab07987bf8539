"""What it costs to show Markdown: a whole text, and each version of one that grows."""

import time
from collections.abc import Callable
from itertools import pairwise

from adapters.slack import markup as slack
from adapters.telegram import markup as telegram
from benchmarks.service import Row
from bridge.heal import heal
from bridge.markup import Growing

ENGLISH = """\
Here is **how it works**: the bridge reads the stream, keeps what it has, and paints the newest text once. It does so at
most once a second, because Telegram allows no more; see [the docs](https://example.org/docs/pace_(2)).

That means three things. First, nothing is lost: the text is kept in the database. Second, *nothing is repeated*, since
each page has one message. Third, `finals` come before previews.

- **Pace**: the budget of each chat, and of the account
- **Pages**: cut where nobody minds

"""
CHINESE = """\
这座桥接器会读取事件流，保存已有的内容，并且每秒最多更新一次，因为平台不允许更快。**注意：**最终答案总是优先于预览，所以即使在限速之后仍然能够完整送达。

请参考[文档](https://example.org/docs)，其中说明了`finals`与预览之间的差别：

1. 不会丢失任何文字，因为全部内容都保存在数据库里；
2. *不会重复*，因为每一页只有一条消息。

"""
CODE = """\
To sort it, use this:

```python
def sort(items: list[int]) -> list[int]:
    if len(items) < 2:
        return items
    pivot, *rest = items
    return sort([x for x in rest if x < pivot]) + [pivot] + sort([x for x in rest if x >= pivot])
```

Then call `sort([3, 1, 2])`; a `List<String>` is **not** sorted, and `x ** 2` is 2*3 at most.

"""
TABLES = """\
| 名称 | value | note |
|---|---|---|
| 苹果 | 3 | `a_b` |
| pear | 12 | **sweet** |

Each of them is sold by weight, and the price is that of last week, $5 a box; 价格以上周为准。

1. first **bold** item
   - nested one with `code`
2. second

"""
TEXTS = {"english": ENGLISH, "chinese": CHINESE, "code": CODE, "tables": TABLES}
WHOLE = 3_000
"""Characters of a text of which one rendering is measured: most of a message."""
TIMES = 60
LONG, VERSIONS = 100_000, 2_000


def rows() -> list[Row]:
    """Microseconds of CPU per 1,000 characters of each kind of text; milliseconds for each version of a long one."""
    found: dict[str, list[float]] = {kind: _whole(_repeated(text, WHOLE)) for kind, text in TEXTS.items()}
    every = sorted(cost for costs in found.values() for cost in costs)
    row: Row = {"benchmark": "markup"}
    for kind, costs in found.items():
        row[f"us_{kind}"] = round(_at(sorted(costs), 0.5), 1)
    row["us_p50"], row["us_p95"] = round(_at(every, 0.5), 1), round(_at(every, 0.95), 1)
    for name, fill, render in (
        ("telegram", telegram.fill, telegram.render),
        ("slack", slack.fill, slack.render),
    ):
        costs = sorted(_versions(_repeated("".join(TEXTS.values()), LONG), fill, render))
        row[f"ms_{name}_mean"] = round(sum(costs) / len(costs) * 1e3, 2)
        row[f"ms_{name}_p99"] = round(_at(costs, 0.99) * 1e3, 2)
    return [row]


def _repeated(text: str, length: int) -> str:
    return (text * (length // len(text) + 1))[:length]


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _whole(text: str) -> list[float]:
    """Of one rendering that is not remembered, in microseconds per 1,000 characters."""
    costs = []
    for number in range(TIMES):
        other = f"{number} {text}"
        started = time.process_time()
        telegram.render(other)
        costs.append((time.process_time() - started) * 1e9 / len(other))
    return costs


def _versions(text: str, fill: Callable[[str], float], render: Callable[[str], object]) -> list[float]:
    """What each version of a growing answer costs, in seconds: cut into pages, the last one healed and rendered."""
    growing = Growing(fill)
    costs = []
    for _, end in pairwise(range(0, LONG + 1, LONG // VERSIONS)):
        started = time.process_time()
        pages = growing.split(text[:end])
        render(heal(pages[-1]))
        costs.append(time.process_time() - started)
    return costs
