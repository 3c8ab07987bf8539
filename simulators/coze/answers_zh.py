"""The Chinese topics of the simulated bot: Markdown of every kind that a chat bridge has to show."""

import re

from simulators.coze.answers import Answer, Asked, Topic, called, grown, plain, recalled
from simulators.coze.answers_en import said

HELP = """我是一个**模拟的扣子智能体**。随便问，或者试试：

- `列表`、`嵌套列表`、`表格`、`标题`、`链接`、`引用`、`公式`、`加粗`、`图片`
- `Python 代码`、`JavaScript 代码`、`泛型`
- `长文 12000` 得到一篇长文，`写一篇文章` 得到一篇短文
- `想一想……` 看推理过程，`北京天气` 调用插件，`退货政策` 查知识库
- `我叫……`，然后问 `我叫什么？`；`我之前问了什么？`
- `两个回答`、`空回答`、`点餐`、`本地插件`、`报错 4028`"""

LIST = """发布之前请检查这五件事：

1. **测试**在干净的机器上全部通过
2. *更新日志*写明了每个可见的变化
3. 版本号一致
4. `README.md` 的内容仍然属实
5. 另有一个人读过改动

需要更长的清单就告诉我。"""

NESTED = """本周的小计划：

- **星期一**
  - 阅读未关闭的问题
    - 先看缺陷
    - 再看提问
  - 回复最早的一条
- **星期三**
  1. 编写迁移脚本
  2. 在副本上试运行
     - 空表
     - 大表
- **星期五**
  - 发布，然后*休息*"""

PYTHON = '''下面的函数逐个产生斐波那契数：

```python
from collections.abc import Iterator


def fibonacci(limit: int) -> Iterator[int]:
    """小于 limit 的所有斐波那契数。"""
    a, b = 0, 1
    while a < limit:
        yield a
        a, b = b, a + b


print(list(fibonacci(100)))
```

想要更多，就调用 `fibonacci(1_000)`。'''

JAVASCRIPT = """防抖函数，只在最后一次调用之后执行一次：

```js
const debounce = (fn, ms = 250) => {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => fn(...args), ms);
  };
};
```

注意：`a && b || c` 等于 `(a && b) || c`。"""

GENERICS = """在 Java 里，`List<String>` 不是 `List<Object>`，要用通配符：

```java
static <T extends Comparable<T>> T max(List<? extends T> items) {
    Map<String, List<Integer>> seen = new HashMap<>();
    return items.stream().max(Comparator.naturalOrder()).orElseThrow();
}
```

所以 Map<String, List<Integer>> 存的是列表，`x < y && y > z` 仍然是比较。"""

TABLE = """三种存储的比较：

| 存储 | 每秒写入 | 持久 | 说明 |
|:-----|--------:|:----:|------|
| SQLite | 1,200 | 是 | 同一时间一个写者 |
| PostgreSQL | 9,500 | 是 | 需要*服务器* |
| Redis | 80,000 | `看配置` | 见 `appendfsync` |

只有一台机器时，**SQLite** 就够了。"""

HEADINGS = """# 部署服务

一份简短的指南。

## 开始之前

你需要一个令牌和一台主机。

### 令牌

在控制台创建，以 `pat_` 开头。

## 启动

启动服务，然后查看日志。

---

#### 最后一句

如果有问题，一条命令就能回滚。"""

LINKS = """值得一读的页面：

- [Python（编程语言）](https://zh.wikipedia.org/wiki/Python_(编程语言))
- [带两个参数的搜索](https://example.com/search?q=a+b&lang=zh#top)
- 裸地址 https://example.com/a_b_c/index.html，后面跟着中文
- [*带格式的*文字](https://example.com/x "标题")"""

BOLD = """**注意：**这是一段紧跟在中文后面的加粗，还有*斜体*、***两者***和~~删除线~~。

他说**“你好”**，然后走了；变量 `user_name` 和 2 * 3 * 4 保持原样。
**第一步：**打开设置。**第二步：**点击“保存”。"""

MATH = """方程 $ax^2 + bx + c = 0$ 的解是

$$x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}$$

另外 \\(e^{i\\pi} + 1 = 0\\)。价格 $5 和 $10 不是公式。"""

QUOTE = """古人说：

> 学而不思则罔，
> 思而不学则殆。
>
> > 弟子问：*“何谓也？”*

就是这些。"""

IMAGE = """这是你要的图片：

![一辆红色自行车](https://example.com/pictures/bicycle.png?sign=abc%3D&expires=1718792949)

图中是一辆靠在墙边的*红色自行车*。🚲"""

SENTENCES = (
    "队列是对不在场的人许下的承诺。",
    "第一个版本很小，没有人不满意。",
    "后来有了第二位客户，带来了 `another_field` 和一个期限。",
    "每一次重试都让日志更长，让真相*更难找到*。",
    "我们先测量，再改动，结果**出乎意料**。",
    "原来慢的地方是一把跨网络持有的锁。",
    "把事务改小，问题就解决了大半。",
    "剩下的部分靠[阅读手册](https://example.com/manual_(second_edition))解决。",
    "这里没有新东西，却都很容易忘记。",
    "把承诺写下来，然后用测试证明你守住了它。",
)
BLOCKS = (
    "- 事务要短\n- 一物一名\n  - 只有一个名字\n- 先测量，*再*改动",
    "```python\ndef settle(turns: list[str]) -> dict:\n    # 每一轮的长度\n    return {t: len(t) for t in turns}\n```",
    "> 没有写下来的，就没有承诺过。",
    "| 步骤 | 秒 |\n|---|---:|\n| 读 | 0.4 |\n| 写 | 1.7 |",
)
_NAME = r"我(?:叫|的名字是)([^什么谁吗，。！？\s][^，。！？\n]*)"


def default(asked: Asked) -> Answer:
    seen = "".join(f"\n- 我收到了 **{name}**。" for name in asked.files)
    topic = re.sub(r"\s+", " ", asked.text).strip()[:200]
    hello = "你好！很高兴见到你。" if re.match("(你好|您好|嗨|早上好|晚上好)", topic) else ""
    text = (
        f"{hello}你说的是：“{topic}”。{seen}\n\n我是一个*模拟的*智能体，所以只能给你一个友好的想法，而不是事实："
        "**小步前进：**比大步更容易检查。输入 `帮助` 看看我还会什么。"
    )
    return Answer(text=text, follow_ups=["你能做什么？", "给我看一个表格", "写一段 Python 代码"])


def replied(asked: Asked) -> Answer:
    return Answer(text=f"谢谢。你的回答是**{asked.text.strip()}**，订单已完成。")


def long(asked: Asked) -> Answer:
    return Answer(text=grown(min(int(asked.found[0]), 500_000), "# 一篇长文", "第{}章", SENTENCES, BLOCKS))


def essay(_asked: Asked) -> Answer:
    return Answer(text=grown(1_200, "# 谈谈队列", "第{}部分", SENTENCES, BLOCKS), follow_ups=["请写短一点"])


def reasoned(asked: Asked) -> Answer:
    return Answer(
        reasoning=f"用户在问：{asked.text.strip()[:80]}。先看已知的内容，再检查两遍，",
        text="想过之后：\n\n1. 取决于规模。\n2. 对大多数人来说，**简单的**办法就是对的。",
    )


def knowledge(_asked: Asked) -> Answer:
    link = "https://example.com/p?a=1\\u0026b=2"
    return Answer(
        messages=[recalled([("退货期为7天", "policy.pdf", link), ("退款需要5天", "常见问题.md", "")])],
        text="根据售后政策，**7天**内可以退货，退款需要5天。",
        follow_ups=["怎样申请退货？", "运费退吗？"],
    )


def weather(asked: Asked) -> Answer:
    city = asked.found[0] or "北京"
    return Answer(
        messages=called("weather", "get", {"city": city}, '{"temp":21}'),
        text=f"**{city}**现在21°C，晴。☀️",
        follow_ups=["明天呢？"],
    )


def local_tool(_asked: Asked) -> Answer:
    return Answer(end="requires_action", text="根据插件的结果：今天**会下雨**，请带伞。")


def several(_asked: Asked) -> Answer:
    return Answer(text="这是**第一个**回答，来自插件。", more=["这是*第二个*回答。"])


def order(_asked: Asked) -> Answer:
    return Answer(end="reply_message", text="好的。请问要几份？")


def fail(asked: Asked) -> Answer:
    return Answer(text="我开始回答，但是中途出错了。", end="failed", code=int(asked.found[0]))


def name_told(asked: Asked) -> Answer:
    return Answer(text=f"很高兴认识你，**{asked.found[0].strip()}**！我记住了。")


def name_asked(asked: Asked) -> Answer:
    for text in reversed(asked.earlier):
        if found := re.search(_NAME, text):
            return Answer(text=f"你叫**{found[1].strip()}**。")
    return Answer(text="我还不知道你的名字。请告诉我：`我叫……`")


def asked_before(asked: Asked) -> Answer:
    if not asked.earlier:
        return Answer(text="这是你在这里的第一个问题。")
    lines = "\n".join(f"{number}. {plain(text)}" for number, text in enumerate(asked.earlier, 1))
    return Answer(text=f"到目前为止你问过：\n\n{lines}")


TOPICS: tuple[Topic, ...] = (
    (r"(?:长文|long|写)\s*(\d+)", long),
    (r"(?:报错|fail)\s*(\d{4,9})", fail),
    (r"我(叫什么|的名字是什么|是谁)", name_asked),
    (_NAME, name_told),
    (r"之前(问|说)", asked_before),
    (r"(帮助|你能做什么|你会什么)", lambda _: said(HELP, "嵌套列表", "北京天气", "想一想人生")),
    (r"(空回答|什么都别说)", lambda _: Answer()),
    (r"(两个|多个)回答", several),
    (r"本地(插件|工具)", local_tool),
    (r"(点餐|下单)", order),
    (r"(\w{2})?(?:的|今天)?天气", weather),
    (r"(退货|退款|政策|知识库)", knowledge),
    (r"(想一想|思考|推理|为什么)", reasoned),
    (r"嵌套", lambda _: said(NESTED)),
    (r"(泛型|java\b)", lambda _: said(GENERICS)),
    (r"(javascript|js)", lambda _: said(JAVASCRIPT)),
    (r"(python|代码|函数)", lambda _: said(PYTHON, "换成 JavaScript")),
    (r"表格", lambda _: said(TABLE, "哪个最快？")),
    (r"标题", lambda _: said(HEADINGS)),
    (r"链接", lambda _: said(LINKS)),
    (r"(加粗|粗体|斜体)", lambda _: said(BOLD)),
    (r"(公式|方程|数学)", lambda _: said(MATH)),
    (r"引用", lambda _: said(QUOTE)),
    (r"(图片|照片|画)", lambda _: said(IMAGE)),
    (r"(文章|故事|作文)", essay),
    (r"(列表|清单|步骤)", lambda _: said(LIST, "请再详细一点")),
)
