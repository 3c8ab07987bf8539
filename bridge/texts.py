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
        "en": "⚠️ The quota of this bot's Coze plan is used up. Please tell the operator, who can extend it.",
        "zh": "⚠️ 这个机器人的扣子（Coze）套餐额度用完了。请告诉管理员，由管理员升级套餐。",
    },
    "balance": {
        "en": "⚠️ The Coze account behind this bot has run out of credit. Please tell the operator, who can top it up.",
        "zh": "⚠️ 这个机器人所用的扣子（Coze）账号余额不足或已欠费。请告诉管理员充值。",
    },
    "daily": {
        "en": "⚠️ The questions that Coze allows in one day are used up. Please ask again tomorrow.",
        "zh": "⚠️ 扣子（Coze）今天允许的提问次数用完了。请明天再问。",
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
    "no_model": {
        "en": "⚠️ The language model that this bot is set up with is not available. Please tell the operator.",
        "zh": "⚠️ 这个机器人设置的大模型不可用。请告诉管理员。",
    },
    "content": {
        "en": "⚠️ Coze does not answer this question because of its content rules. Please put it differently.",
        "zh": "⚠️ 按照内容规则，扣子（Coze）不回答这个问题。请换个说法。",
    },
    "unanswerable": {
        "en": "⚠️ Coze says that this question cannot be answered. Please put it differently.",
        "zh": "⚠️ 扣子（Coze）表示这个问题无法回答。请换个问法。",
    },
    "risk": {
        "en": "⚠️ Coze refused this question as a risk. Please put it differently.",
        "zh": "⚠️ 扣子（Coze）认为这个问题有风险，没有回答。请换个说法。",
    },
    "rejected": {
        "en": "⚠️ Coze refused this question and did not say why. Please put it differently.",
        "zh": "⚠️ 扣子（Coze）拒绝了这个问题，没有说明原因。请换个说法。",
    },
    "too_long": {
        "en": (
            "⚠️ This question, or the conversation, is too long for the bot. Please shorten it, or write /clear "
            "(Slack: /coze clear), so that what was said before no longer counts."
        ),
        "zh": (
            "⚠️ 这个问题或整个会话太长，机器人处理不了。请缩短问题，或用 /clear（Slack 中用 /coze clear）"
            "让机器人不再考虑之前的内容。"
        ),
    },
    "not_published": {
        "en": "⚠️ This bot is not published to Coze's API channel. Please tell the operator, who can publish it.",
        "zh": "⚠️ 这个机器人没有发布到扣子（Coze）的 API 渠道。请告诉管理员发布。",
    },
    "no_bot": {
        "en": "⚠️ Coze cannot find this bot, or something that it is made of. Please tell the operator.",
        "zh": "⚠️ 扣子（Coze）找不到这个机器人或它的某个组成部分。请告诉管理员。",
    },
    "no_call": {
        "en": "⚠️ The Coze server does not know what was asked of it. Please tell the operator.",
        "zh": "⚠️ 扣子（Coze）服务器不认识这个请求。请告诉管理员。",
    },
    "malformed": {
        "en": "⚠️ Coze does not understand what this service sent. Please tell the operator. To ask again is of no use.",
        "zh": "⚠️ 扣子（Coze）不接受本服务发出的请求，再问一次也没有用。请告诉管理员。",
    },
    "lost": {
        "en": "⚠️ Coze no longer knows this answer. Please ask again.",
        "zh": "⚠️ 扣子（Coze）那边已经没有这个回答了。请再问一次。",
    },
    "file": {
        "en": "⚠️ Coze cannot use this file. Please send it again, or try another one.",
        "zh": "⚠️ 扣子（Coze）无法使用这个文件。请重新发送，或换一个试试。",
    },
    "file_empty": {
        "en": "⚠️ This file is empty. Please send one with something in it.",
        "zh": "⚠️ 这个文件是空的。请发送有内容的文件。",
    },
    "file_many": {
        "en": "⚠️ Coze takes one file at a time here. Please send them one by one.",
        "zh": "⚠️ 扣子（Coze）在这里一次只接受一个文件。请逐个发送。",
    },
    "file_big": {
        "en": "⚠️ This file is too large for Coze. Please send a smaller one.",
        "zh": "⚠️ 这个文件太大，扣子（Coze）不接受。请发送小一点的文件。",
    },
    "file_type": {
        "en": "⚠️ Coze does not take files of this type. Please send it in another format.",
        "zh": "⚠️ 扣子（Coze）不支持这种类型的文件。请换一种格式发送。",
    },
    "workflow": {
        "en": "⚠️ The bot's workflow is not set up completely at Coze. Please tell the operator.",
        "zh": "⚠️ 机器人的工作流在扣子（Coze）上没有配置完整。请告诉管理员。",
    },
    "workflow_over": {
        "en": "⚠️ The workflow that asked this has ended, so it is too late to answer. Please ask again from the start.",
        "zh": "⚠️ 提出这个问题的工作流已经结束，现在回答已经太晚。请从头再问一次。",
    },
    "workflow_plugin": {
        "en": "⚠️ This workflow waits for a program that is not here to answer it. Please tell the operator.",
        "zh": "⚠️ 这个工作流在等待一个程序的响应，而这里没有这样的程序。请告诉管理员。",
    },
    "workflow_login": {
        "en": "⚠️ This workflow uses a plugin that must be logged in to at Coze first. Please tell the operator.",
        "zh": "⚠️ 这个工作流用到的插件需要先在扣子（Coze）上登录授权。请告诉管理员。",
    },
    "workflow_away": {
        "en": "⚠️ Coze's workflows are not available at the moment. Please ask again in a few minutes.",
        "zh": "⚠️ 扣子（Coze）的工作流服务暂时不可用。请过几分钟再问。",
    },
    "not_spoken": {
        "en": "⚠️ Coze could not speak this text. Please read it instead.",
        "zh": "⚠️ 扣子（Coze）没能朗读这段文字。请直接阅读。",
    },
    "no_tool": {
        "en": "⚠️ The bot asked for a tool that this service does not have: {tools}. Please tell the operator.",
        "zh": "⚠️ 机器人需要一个本服务没有的工具：{tools}。请告诉管理员。",
    },
    "tool_rounds": {
        "en": "⚠️ The bot kept calling tools without coming to an answer. Please put the question differently.",
        "zh": "⚠️ 机器人一直在调用工具，没有得出回答。请换个问法。",
    },
    "too_old": {
        "en": "⚠️ I was away for too long to fetch the answer to this. Please ask again.",
        "zh": "⚠️ 我离线太久，取不回这个问题的答案了。请再问一次。",
    },
    # -- to the operator -----------------------------------------------------------------------------------
    "alert": {
        "en": "🔔 {what}\n\nbot: {bot} · code: {code} · log id: {reference} · questions concerned: {refused}",
        "zh": "🔔 {what}\n\n机器人：{bot} · 错误码：{code} · 日志编号：{reference} · 受影响的问题：{refused} 个",
    },
    "alert_over": {
        "en": "✅ Over, questions are answered again (bot: {bot}). It was: {what}",
        "zh": "✅ 已恢复，问题又能得到回答了（机器人：{bot}）。之前的问题是：{what}",
    },
    "alert_balance": {
        "en": "Coze refuses questions: the account is out of credit or in arrears. Top it up at Coze.",
        "zh": "扣子（Coze）拒绝回答：账号余额不足或已欠费。请到扣子充值。",
    },
    "alert_credentials": {
        "en": (
            "Coze refuses the credentials. Renew COZE_API_TOKEN (or mend the OAuth settings) and restart; "
            "`coze-bridge doctor` shows whether it is of the right site."
        ),
        "zh": (
            "扣子（Coze）不接受凭证。请更新 COZE_API_TOKEN（或改正 OAuth 设置）并重启；"
            "`coze-bridge doctor` 可检查令牌是否属于所配置的站点。"
        ),
    },
    "alert_daily": {
        "en": "The questions that Coze allows in one day are used up. Wait until tomorrow, or extend the plan at Coze.",
        "zh": "扣子（Coze）今天允许的提问次数用完了。请等到明天，或升级套餐。",
    },
    "alert_expiring": {
        "en": "🔔 The credentials of this service for Coze end in less than {days} days. Renew them in time.",
        "zh": "🔔 本服务用来访问扣子（Coze）的凭证将在 {days} 天内到期。请及时更新。",
    },
    "alert_malformed": {
        "en": (
            "Coze does not understand what it is sent. Compare the bot's parameters and variables with its settings "
            "here; else it is a bug of this service: report it with the code."
        ),
        "zh": "扣子（Coze）不接受收到的请求。请核对机器人的参数和变量；若无误，则是本服务的缺陷，请附上错误码反馈。",
    },
    "alert_no_bot": {
        "en": "Coze cannot find the bot, or something that it is made of. Compare COZE_BOT_ID with its URL at Coze.",
        "zh": "扣子（Coze）找不到机器人或它的某个组成部分。请核对 COZE_BOT_ID 与扣子网址里的数字。",
    },
    "alert_no_call": {
        "en": "The server does not know a call of Coze's API. Look at COZE_API_BASE; Coze Studio lacks some calls.",
        "zh": "服务器不认识扣子（Coze）的某个接口。请检查 COZE_API_BASE；Coze Studio 没有某些接口。",
    },
    "alert_no_model": {
        "en": "The language model of the bot is not available. Choose another one at Coze and publish the bot again.",
        "zh": "机器人设置的大模型不可用。请在扣子（Coze）上换一个模型，并重新发布机器人。",
    },
    "alert_no_tool": {
        "en": (
            "The bot wants a tool that this service does not have; the log names it. Add a section [tools.NAME], or "
            "take the tool away from the bot at Coze."
        ),
        "zh": "机器人需要一个本服务没有的工具，名称见日志。请添加 [tools.NAME] 一节，或在扣子（Coze）上移除该工具。",
    },
    "alert_not_published": {
        "en": "The bot is not published to the API channel. Publish it there at Coze.",
        "zh": "机器人没有发布到 API 渠道。请在扣子（Coze）上发布。",
    },
    "alert_permission": {
        "en": (
            "Coze says that a permission is missing. Give it to the token at Coze, and see that the token may use the "
            "bot's workspace; `coze-bridge doctor` names what it can find."
        ),
        "zh": (
            "扣子（Coze）提示缺少权限。请在扣子上给令牌开通该权限，并确认令牌可以使用机器人所在的工作空间；"
            "`coze-bridge doctor` 会列出能查到的问题。"
        ),
    },
    "alert_quota": {
        "en": "Coze refuses questions: the quota of the plan is used up. Extend the plan at Coze.",
        "zh": "扣子（Coze）拒绝回答：套餐额度用完了。请升级套餐。",
    },
    "alert_workflow": {
        "en": "The bot's workflow is not set up completely. Look at it, and at its parameters, at Coze.",
        "zh": "机器人的工作流没有配置完整。请在扣子（Coze）上检查工作流及其参数。",
    },
    "login": {
        "en": "⚠️ Your login at Coze has ended. Write /login (Slack: /coze login) to log in again, then ask again.",
        "zh": "⚠️ 你在扣子（Coze）的登录已失效。请用 /login（Slack 中用 /coze login）重新登录，然后再问一次。",
    },
    "own_account": {
        "en": (
            "⚠️ Your own Coze account may not use this bot. Ask its owner to share it with you, or write /logout "
            "(Slack: /coze logout) to go on without your account."
        ),
        "zh": (
            "⚠️ 你自己的扣子（Coze）账号无权使用这个机器人。请让它的所有者与你共享，或用 /logout"
            "（Slack 中用 /coze logout）退出登录后继续使用。"
        ),
    },
    "own_quota": {
        "en": (
            "⚠️ The quota of your own Coze account is used up. Extend it at Coze, or write /logout "
            "(Slack: /coze logout) to go on without your account."
        ),
        "zh": (
            "⚠️ 你自己的扣子（Coze）账号额度用完了。请在扣子上升级套餐，或用 /logout"
            "（Slack 中用 /coze logout）退出登录后继续使用。"
        ),
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
    "trying_workflow_away": {
        "en": "Coze's workflows are not available at the moment.",
        "zh": "扣子（Coze）的工作流服务暂时不可用。",
    },
    "trying_failed": {"en": "Coze reports an internal error.", "zh": "扣子（Coze）报告了内部错误。"},
    "queued": {"en": "⏳ Queued ({before} before you).", "zh": "⏳ 排队中（前面还有 {before} 个问题）。"},
    "queued_next": {"en": "⏳ Queued (you are next).", "zh": "⏳ 排队中（下一个就是你）。"},
    # -- what came with a question and cannot be used: named by `File.amiss` ---------------------------------
    "amiss_big": {
        "en": "📎 {name} is {size}; I can read files of up to {limit}. Please send a smaller one.",
        "zh": "📎 {name} 有 {size}，而我最多能读 {limit} 的文件。请换一个小一些的。",
    },
    "amiss_bigger": {
        "en": "📎 {name} is too big; I can read files of up to {limit}. Please send a smaller one.",
        "zh": "📎 {name} 太大了，我最多能读 {limit} 的文件。请换一个小一些的。",
    },
    "amiss_type": {
        "en": "📎 Coze does not read files of the type of {name}. Please send it as another type, such as PDF.",
        "zh": "📎 扣子（Coze）不支持 {name} 这种类型的文件。请换成其他类型，例如 PDF。",
    },
    "amiss_empty": {
        "en": "📎 There is nothing in {name}. Please send it again.",
        "zh": "📎 {name} 是空的。请重新发送。",
    },
    "amiss_gone": {
        "en": "📎 {name} is not to be had any more. Please send it again.",
        "zh": "📎 {name} 已经取不到了。请重新发送。",
    },
    "amiss_refused": {
        "en": "📎 Coze does not accept {name}. Please try another file.",
        "zh": "📎 扣子（Coze）不接受 {name}。请换一个文件试试。",
    },
    "amiss_denied": {
        "en": "📎 I am not allowed to read {name}. Please ask whoever runs this bot to let me read files here.",
        "zh": "📎 我没有权限读取 {name}。请联系运行本机器人的人，允许我在这里读取文件。",
    },
    "amiss_unread": {
        "en": "📎 I can read text only: {name} was not passed on. Please write what you want to know.",
        "zh": "📎 我只能读文字，{name} 没有转交。请把想问的写下来。",
    },
    "amiss_unreadable": {
        "en": "I cannot read this kind of message. Please send text, a picture, a file or a voice message.",
        "zh": "我读不了这种消息。请发送文字、图片、文件或语音。",
    },
    "amiss_deaf": {
        "en": "🎤 I cannot listen to voice messages. Please write your question.",
        "zh": "🎤 我听不了语音消息。请把问题写下来。",
    },
    "amiss_mumbled": {
        "en": "🎤 I could not understand the voice message. Please say it again, or write it.",
        "zh": "🎤 这条语音没能识别出来。请再说一遍，或写下来。",
    },
    "amiss_silent": {
        "en": "🎤 I heard nothing in the voice message. Please say it again, or write it.",
        "zh": "🎤 这条语音里没有听到内容。请再说一遍，或写下来。",
    },
    "trying_file_away": {"en": "The attachment cannot be downloaded at the moment.", "zh": "附件暂时下载不了。"},
    "file_away": {
        "en": "⚠️ The attachment could not be downloaded. Please send it again in a few minutes.",
        "zh": "⚠️ 附件没能下载下来。请过几分钟重新发送。",
    },
    # -- beside an answer ------------------------------------------------------------------------------------
    "reasoning": {"en": "💭 Reasoning", "zh": "💭 思考过程"},
    "fetching": {"en": "⏳ Interrupted; the rest is on its way.", "zh": "⏳ 刚才中断了，剩下的内容马上就来。"},
    "reading_file": {"en": "📎 Reading {name}…", "zh": "📎 正在读取 {name}…"},
    "reading_files": {"en": "📎 Reading {count} files…", "zh": "📎 正在读取 {count} 个文件…"},
    "look_at_this": {"en": "Please look at this.", "zh": "请看一下。"},
    "listening": {"en": "🎤 Listening…", "zh": "🎤 正在听…"},
    "thinking_now": {"en": "💭 Thinking…", "zh": "💭 思考中…"},
    "using": {"en": "🔧 Using {tool}…", "zh": "🔧 正在使用 {tool}…"},
    "sources": {"en": "📚 Sources", "zh": "📚 引用来源"},
    "more_sources": {"en": "… and {more} more", "zh": "……另有 {more} 个"},
    "thanks": {"en": "Thanks!", "zh": "谢谢反馈！"},
    "may_use": {
        "en": "🔐 The bot wants to use:\n\n{tools}\n\nMay it?",
        "zh": "🔐 机器人想要使用：\n\n{tools}\n\n是否允许？",
    },
    "tool_more": {"en": "and {count} more that are not shown", "zh": "另有 {count} 项未显示"},
    "tool_interrupted": {
        "en": "⚠️ I was interrupted after you had allowed this; it may have run already. I do not repeat it unasked.",
        "zh": "⚠️ 你允许之后我被中断了，它可能已经运行过。没有你的同意，我不会再运行一次。",
    },
    "allow": {"en": "✅ Allow", "zh": "✅ 允许"},
    "decline": {"en": "❌ Decline", "zh": "❌ 不允许"},
    "decided": {
        "en": "There is nothing to decide here any more: it was decided already, or the conversation has gone on.",
        "zh": "这里没有需要决定的事了：已经决定过，或会话已经继续。",
    },
    "not_yours": {
        "en": "Only the person whose question it was can decide this.",
        "zh": "只有提问的人才能决定。",
    },
    "not_taken": {
        "en": "⚠️ Your question could not be taken in. Please write it again here in a minute.",
        "zh": "⚠️ 没能收下您的问题，请过一分钟在这里再写一次。",
    },
    "not_valid": {
        "en": "This button is no longer valid. Please write your question.",
        "zh": "这个按钮已失效，请直接写下问题。",
    },
    # -- instead of asking Coze ------------------------------------------------------------------------------
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
            "Just write your question. In a group or channel, mention me.\n\n{commands}\n\n"
            "In a Slack thread, write !new, !stop and so on; elsewhere in Slack, /coze new."
        ),
        "zh": (
            "直接写下你的问题即可。在群组或频道里请 @ 我。\n\n{commands}\n\n"
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
    "cleared": {
        "en": "🧹 Context cleared. What was said before no longer counts.",
        "zh": "🧹 上下文已清除，之前说过的内容不再计入。",
    },
    "cleared_anew": {
        "en": "🧹 This bot cannot clear its context, so a new conversation has begun.",
        "zh": "🧹 这个机器人无法清除上下文，因此已开始新的会话。",
    },
    "clear_nothing": {"en": "There is no context to clear.", "zh": "没有可以清除的上下文。"},
    "idle": {
        "en": "(New conversation: the last one was more than {hours} hours ago. /history brings it back.)",
        "zh": "（上次对话已过去 {hours} 个多小时，已开始新的会话。用 /history 可以找回之前的会话。）",
    },
    "history": {
        "en": "Your conversations here. Press one to go on with it, or write /history and its number:",
        "zh": "你在这里的会话。点按其中一个即可继续，也可以写 /history 加编号：",
    },
    "history_line": {"en": "{number}. {name} – {when}", "zh": "{number}. {name}（{when}用过）"},
    "history_current": {
        "en": "{number}. **{name}** – {when} (this one goes on)",
        "zh": "{number}. **{name}**（{when}，当前会话）",
    },
    "history_unnamed": {"en": "a conversation without a name", "zh": "未命名的会话"},
    "history_nothing": {"en": "You have no conversations here yet.", "zh": "你在这里还没有会话。"},
    "history_thread": {
        "en": "This thread is one conversation: “{name}”. Others have threads of their own: write there to go on.",
        "zh": "这个消息列就是一个会话：“{name}”。其他会话各有自己的消息列，在那里接着写即可继续。",
    },
    "resumed": {"en": "We go on with “{name}”.", "zh": "接着聊“{name}”。"},
    "resumed_already": {"en": "“{name}” is the conversation that goes on.", "zh": "当前会话就是“{name}”。"},
    "history_unknown": {
        "en": "There is no such conversation here. /history lists yours.",
        "zh": "这里没有这个会话。用 /history 查看你的会话。",
    },
    "ago_now": {"en": "just now", "zh": "刚刚"},
    "ago_minutes": {"en": "{count} min ago", "zh": "{count} 分钟前"},
    "ago_hours": {"en": "{count} h ago", "zh": "{count} 小时前"},
    "ago_yesterday": {"en": "a day ago", "zh": "一天前"},
    "ago_days": {"en": "{count} days ago", "zh": "{count} 天前"},
    "taken_back": {"en": "Taken back.", "zh": "已撤回。"},
    "start_how": {
        "en": "Just write to me. /new starts over, /stop ends an answer, /help shows more.",
        "zh": "直接给我发消息即可。/new 开始新会话，/stop 停止回答，/help 查看帮助。",
    },
    "home_voice_off": {
        "en": "Answers are not read aloud; /coze voice changes that.",
        "zh": "回答不朗读；用 /coze voice 更改。",
    },
    "home_voice_on": {
        "en": "Answers are read aloud by {name}; /coze voice changes that.",
        "zh": "回答由 {name} 朗读；用 /coze voice 更改。",
    },
    "voice_list": {
        "en": "Choose the voice in which you want to hear answers, or write /voice and its name. /voice off ends it.",
        "zh": "选择朗读回答的声音，也可以写 /voice 加名称。/voice off 关闭朗读。",
    },
    "voice_more": {"en": "More voices: {names}", "zh": "更多声音：{names}"},
    "voice_is_on": {"en": "🔊 You hear answers, read by {name}.", "zh": "🔊 回答会由 {name} 朗读。"},
    "voice_is_off": {"en": "🔇 Answers are not read aloud.", "zh": "🔇 回答不朗读。"},
    "voice_off_button": {"en": "🔇 Off", "zh": "🔇 关闭"},
    "voice_unknown": {
        "en": "There is no voice called “{name}”. /voice lists them.",
        "zh": "没有叫“{name}”的声音。用 /voice 查看列表。",
    },
    "voice_none": {"en": "This bot cannot speak.", "zh": "这个机器人不能朗读。"},
    "unspoken_code": {"en": "(code, see the text)", "zh": "（代码见文字）"},
    "unspoken_rest": {"en": "The rest is in the text.", "zh": "其余内容请看文字。"},
    "login_off": {
        "en": "There is nothing to log in to: everybody here is answered with this service's own Coze account.",
        "zh": "无需登录：这里的所有人都由本服务自己的扣子（Coze）账号来回答。",
    },
    "login_private": {
        "en": "Please write this to me in our private chat.",
        "zh": "请在与我的私聊中发送这条命令。",
    },
    "login_link": {
        "en": (
            "[Log in at Coze]({link}) to be answered with your own account; you then see what to send me. The link is "
            "good for ten minutes, once, and only for you: do not pass it on."
        ),
        "zh": (
            "[登录扣子（Coze）]({link})，再按页面提示给我发一条消息，之后将用你自己的账号来回答。"
            "链接十分钟内有效，只能用一次，请勿转发给他人。"
        ),
    },
    "login_wrong": {
        "en": "That is not the number on the page. Look again, please; tries that are left: {left}.",
        "zh": "这不是页面上显示的数字。请核对后重试，剩余次数：{left}。",
    },
    "login_over": {
        "en": "That is not the number, and it was the last try. Write /login (Slack: /coze login) to begin again.",
        "zh": "数字仍然不对，次数已用完。请用 /login（Slack 中用 /coze login）重新开始。",
    },
    "login_late": {
        "en": (
            "No login of yours waits for a number: it is too late, or it was not begun here by you. "
            "Write /login (Slack: /coze login) to begin again."
        ),
        "zh": "没有等待数字的登录：可能已过期，或者不是你在这里发起的。请用 /login（Slack 中用 /coze login）重新开始。",
    },
    "logged_in": {
        "en": (
            "You are logged in at Coze as {name}. From now on I answer you with your own account, in a new "
            "conversation. /logout ends that."
        ),
        "zh": (
            "你已以 {name} 的身份登录扣子（Coze）。从现在起，我会用你自己的账号在新的会话中回答你。/logout 可退出登录。"
        ),
    },
    "logged_in_nameless": {"en": "your account", "zh": "你的账号"},
    "logged_out": {
        "en": "You are logged out. From now on I answer you with this service's own account again.",
        "zh": "你已退出登录。之后将重新使用本服务自己的账号来回答你。",
    },
    "logged_out_already": {"en": "You are not logged in.", "zh": "你没有登录。"},
    "login_ends": {
        "en": "Your login at Coze ends on {day} unless you ask something before. Write /login to renew it now.",
        "zh": "你在扣子（Coze）的登录将于 {day} 到期，除非在此之前向我提问。可用 /login 立即续期。",
    },
    "page_agreed": {
        "en": (
            "One step is left to log in as {name}: within ten minutes, send /login {number} (Slack: /coze login "
            "{number}) to the bot, in the private chat in which you asked for this. If you did not ask for it "
            "yourself, close this page and tell nobody the number: with it, somebody else would use your account."
        ),
        "zh": (
            "以 {name} 的身份登录还差一步：请在十分钟内，回到你发起登录的那个私聊，向机器人发送 /login {number}"
            "（Slack 中发送 /coze login {number}）。如果不是你本人发起的登录，请关闭此页面，不要把数字告诉任何人："
            "拿到它的人就能使用你的账号。"
        ),
    },
    "page_refused": {
        "en": "Coze did not log you in. Go back to the chat and write /login to try again.",
        "zh": "扣子（Coze）未能完成登录。请回到聊天中，用 /login 重试。",
    },
    "page_late": {
        "en": "This link is used up or too old. Go back to the chat and write /login for a new one.",
        "zh": "此链接已被使用或已过期。请回到聊天中，用 /login 获取新链接。",
    },
    "page_later": {
        "en": "This cannot be done right now. Go back to the chat and write /login in a few minutes.",
        "zh": "暂时无法完成登录。请过几分钟回到聊天中，用 /login 重试。",
    },
    # -- what platforms show beside the commands -------------------------------------------------------------
    "menu_new": {"en": "Start a new conversation", "zh": "开始新会话"},
    "menu_clear": {"en": "Clear the context of this conversation", "zh": "清除本会话的上下文"},
    "menu_history": {"en": "List conversations, go on with an older one", "zh": "查看会话，继续之前的会话"},
    "menu_stop": {"en": "End the running answer", "zh": "停止正在进行的回答"},
    "menu_retry": {"en": "Ask the last question again", "zh": "重新回答上一个问题"},
    "menu_voice": {"en": "Hear answers read aloud", "zh": "朗读回答"},
    "menu_status": {"en": "What is going on", "zh": "查看当前状态"},
    "menu_help": {"en": "How to use me", "zh": "查看帮助"},
}


def text(name: str, language: str, /, **values: object) -> str:
    """The sentence with that name; an unknown name gives the one for `failed`, an unknown language English."""
    sentences = TEXTS.get(name, TEXTS["failed"])
    return sentences["zh" if language == "zh" else "en"].format(**values)


def refusal(say: str, language: str, reference: str = "") -> str:
    """Why there is no answer, with the operator's reference where there is one."""
    sentence = text(say, language)
    return f"{sentence} {text('reference', language, reference=reference)}" if reference else sentence
