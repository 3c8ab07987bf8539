"""Every sentence that a person sees, in English and in 简体中文."""

from typing import Literal

Language = Literal["en", "zh"]

TEXTS: dict[str, dict[Language, str]] = {
    # -- why there is no (whole) answer: named by `BridgeError.say` ------------------------------------------
    "failed": {
        "en": "⚠️ The bot could not answer this. Please try again; if it happens again, tell the operator.",
        "zh": "⚠️ 机器人没能回答这个问题。请再试一次；若仍不行，请告诉管理员。",
    },
    "unreachable": {
        "en": "⚠️ Coze cannot be reached at the moment. Please ask again in a few minutes.",
        "zh": "⚠️ 暂时连不上扣子（Coze）。请过几分钟再问。",
    },
    "stalled": {
        "en": "⚠️ Coze stopped responding in the middle. Please ask again.",
        "zh": "⚠️ 扣子（Coze）中途没有了响应。请再问一次。",
    },
    "cancelled_at_coze": {
        "en": "⚠️ This answer was cancelled at Coze. Please ask again if you still need it.",
        "zh": "⚠️ 这个回答在扣子（Coze）那边被取消了。如果还需要，请再问一次。",
    },
    "credentials": {
        "en": "⚠️ Coze refuses the credentials of this service. Please tell the operator, who can renew them.",
        "zh": "⚠️ 扣子（Coze）不接受本服务的令牌。请告诉管理员，由管理员更新。",
    },
    "permission": {
        "en": "⚠️ This service lacks a permission at Coze. Please tell the operator, who can grant it.",
        "zh": "⚠️ 本服务在扣子（Coze）上缺少权限。请告诉管理员，由管理员开通。",
    },
    "quota": {
        "en": "⚠️ This bot has used up its quota at Coze. Please tell the operator, or try again later.",
        "zh": "⚠️ 这个机器人在扣子（Coze）的额度用完了。请告诉管理员，或过些时候再试。",
    },
    "rate": {
        "en": "⚠️ Too many questions are reaching Coze right now. Please ask again in a minute.",
        "zh": "⚠️ 现在提问的人太多，扣子（Coze）忙不过来。请过一分钟再问。",
    },
    "busy": {
        "en": "⚠️ Coze is still busy with an earlier question here. Ask again soon, or write /new (Slack: /coze new).",
        "zh": "⚠️ 扣子（Coze）还在处理本会话的上一个问题。请稍后再问，或用 /new（Slack 中用 /coze new）开始新会话。",
    },
    "model": {
        "en": "⚠️ The language model behind the bot failed. Please ask again.",
        "zh": "⚠️ 机器人背后的大模型出错了。请再问一次。",
    },
    "content": {
        "en": "⚠️ Coze does not answer this question because of its content rules. Please put it differently.",
        "zh": "⚠️ 按照内容规则，扣子（Coze）不回答这个问题。请换个说法。",
    },
    "risk": {
        "en": "⚠️ Coze refused this question as a risk. Please put it differently.",
        "zh": "⚠️ 扣子（Coze）认为这个问题有风险，没有回答。请换个说法。",
    },
    "too_long": {
        "en": "⚠️ This question, or the conversation, is too long for the bot. Shorten it, or write /new (/coze new).",
        "zh": "⚠️ 这个问题或整个会话太长，机器人处理不了。请缩短问题，或用 /new（/coze new）开始新会话。",
    },
    "not_published": {
        "en": "⚠️ The bot does not exist at Coze, or is not published to its API. Please tell the operator.",
        "zh": "⚠️ 这个机器人在扣子（Coze）上不存在，或没有发布到 API 渠道。请告诉管理员。",
    },
    "file": {
        "en": "⚠️ Coze does not accept this file. Please try another one.",
        "zh": "⚠️ 扣子（Coze）不接受这个文件。请换一个试试。",
    },
    "workflow": {
        "en": "⚠️ The bot's workflow failed. Please ask again; if it happens again, tell the operator.",
        "zh": "⚠️ 机器人的工作流出错了。请再问一次；若仍不行，请告诉管理员。",
    },
    "tool": {
        "en": "⚠️ The bot asked for a tool that this service does not have: {tools}. Please tell the operator.",
        "zh": "⚠️ 机器人需要一个本服务没有的工具：{tools}。请告诉管理员。",
    },
    "too_old": {
        "en": "⚠️ I was away for too long to fetch the answer to this. Please ask again.",
        "zh": "⚠️ 我离线太久，取不回这个问题的答案了。请再问一次。",
    },
    "reference": {"en": "(reference {reference})", "zh": "（编号 {reference}）"},
    # -- below or instead of an answer ---------------------------------------------------------------------
    "empty": {
        "en": "(The bot gave an empty answer.)",
        "zh": "（机器人的回答是空的。）",
    },
    "stopped": {"en": "⏹ Stopped.", "zh": "⏹ 已停止。"},
    "thinking": {"en": "is thinking…", "zh": "正在思考…"},
    "trying": {
        "en": "⏳ {reason} I keep trying.",
        "zh": "⏳ {reason}我会继续尝试。",
    },
    "trying_unreachable": {"en": "Coze cannot be reached at the moment.", "zh": "暂时连不上扣子（Coze）。"},
    "trying_rate": {"en": "Coze asks us to slow down.", "zh": "扣子（Coze）要求放慢速度。"},
    "trying_busy": {"en": "Coze is still busy with the question before.", "zh": "扣子（Coze）还在处理上一个问题。"},
    "trying_model": {"en": "The bot's language model failed.", "zh": "机器人的大模型出错了。"},
    "trying_failed": {"en": "Coze reports an internal error.", "zh": "扣子（Coze）报告了内部错误。"},
    "queued": {"en": "⏳ Queued ({before} before you).", "zh": "⏳ 排队中（前面还有 {before} 个问题）。"},
    "queued_next": {"en": "⏳ Queued (you are next).", "zh": "⏳ 排队中（下一个就是你）。"},
    "files_unread": {
        "en": "(I can read text only so far: the attachment was not passed on.)",
        "zh": "（我目前只能读文字，附件没有转交。）",
    },
    # -- beside an answer ------------------------------------------------------------------------------------
    "reasoning": {"en": "💭 Reasoning", "zh": "💭 思考过程"},
    "fetching": {"en": "⏳ Interrupted; the rest is on its way.", "zh": "⏳ 刚才中断了，剩下的内容马上就来。"},
    "thinking_now": {"en": "💭 Thinking…", "zh": "💭 思考中…"},
    "using": {"en": "🔧 Using {tool}…", "zh": "🔧 正在使用 {tool}…"},
    "sources": {"en": "📚 Sources", "zh": "📚 引用来源"},
    "more_sources": {"en": "… and {more} more", "zh": "……另有 {more} 个"},
    "thanks": {"en": "Thanks!", "zh": "谢谢反馈！"},
    "not_valid": {
        "en": "This button is no longer valid. Please write your question.",
        "zh": "这个按钮已失效，请直接写下问题。",
    },
    # -- instead of asking Coze ------------------------------------------------------------------------------
    "text_only": {
        "en": "I can read text only so far. Please write your question.",
        "zh": "我目前只能读文字，请把问题写下来。",
    },
    "no_question": {
        "en": "You called me, but there is no question in the message. Write it right after my name.",
        "zh": "你叫了我，但消息里没有问题。请把问题写在我的名字后面。",
    },
    # -- instead of letting somebody in ----------------------------------------------------------------------
    "pairing": {
        "en": (
            "I do not know you yet. Please show this code to whoever runs this bot:\n\n**{code}**\n\n"
            "They let you in with `coze-bridge allow {code}`. The code is good for one hour. Then write to me again."
        ),
        "zh": (
            "我还不认识你。请把这个配对码给运行本机器人的人看：\n\n**{code}**\n\n"
            "对方运行 `coze-bridge allow {code}` 即可让你使用。配对码一小时内有效。之后请重新给我发消息。"
        ),
    },
    "not_on_list": {
        "en": "I may not answer you here. Please ask whoever runs this bot to let you in.",
        "zh": "我不能在这里回答你。请联系运行本机器人的人为你开通。",
    },
    "not_member": {
        "en": "I answer only full members of this workspace. If you should be let in, ask whoever runs this bot.",
        "zh": "我只回答本工作区的正式成员。如需使用，请联系运行本机器人的人。",
    },
    # -- commands --------------------------------------------------------------------------------------------
    "start": {
        "en": "Hello! Write me a message and I will answer. /new starts over, /stop ends an answer, /help shows more.",
        "zh": "你好！给我发消息，我就会回答。/new 开始新会话，/stop 停止回答，/help 查看帮助。",
    },
    "help": {
        "en": (
            "Just write your question. In a group or channel, mention me.\n\n"
            "/new – start a new conversation\n/stop – end the running answer\n/retry – ask the last question again\n"
            "/status – what is going on\n/help – this text\n\n"
            "In a Slack thread, write !new, !stop and so on; elsewhere in Slack, /coze new."
        ),
        "zh": (
            "直接写下你的问题即可。在群组或频道里请 @ 我。\n\n"
            "/new – 开始新会话\n/stop – 停止正在进行的回答\n/retry – 重新回答上一个问题\n"
            "/status – 查看当前状态\n/help – 显示本帮助\n\n"
            "在 Slack 消息列里写 !new、!stop 等；在其他地方用 /coze new。"
        ),
    },
    "new": {"en": "A new conversation has begun.", "zh": "已开始新的会话。"},
    "stop": {"en": "⏹ Stopped.", "zh": "⏹ 已停止。"},
    "stop_nothing": {"en": "There is no answer to stop.", "zh": "当前没有正在进行的回答。"},
    "retry_nothing": {"en": "There is no question to ask again.", "zh": "没有可以重新提问的问题。"},
    "status_idle": {"en": "I am listening. Nothing is running.", "zh": "我在听，当前没有进行中的回答。"},
    "status_running": {
        "en": "An answer is running; {waiting} more waiting.",
        "zh": "正在回答；还有 {waiting} 个问题在等待。",
    },
    # -- what platforms show beside the commands -------------------------------------------------------------
    "menu_new": {"en": "Start a new conversation", "zh": "开始新会话"},
    "menu_stop": {"en": "End the running answer", "zh": "停止正在进行的回答"},
    "menu_retry": {"en": "Ask the last question again", "zh": "重新回答上一个问题"},
    "menu_status": {"en": "What is going on", "zh": "查看当前状态"},
    "menu_help": {"en": "How to use me", "zh": "查看帮助"},
}


def text(name: str, language: str, **values: object) -> str:
    """The sentence with that name; an unknown name gives the one for `failed`, an unknown language English."""
    sentences = TEXTS.get(name, TEXTS["failed"])
    return sentences["zh" if language == "zh" else "en"].format(**values)


def refusal(say: str, language: str, reference: str = "") -> str:
    """Why there is no answer, with the operator's reference where there is one."""
    sentence = text(say, language)
    return f"{sentence} {text('reference', language, reference=reference)}" if reference else sentence
