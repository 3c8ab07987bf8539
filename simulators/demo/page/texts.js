// Every sentence of the page in English and 简体中文, and which of the two is shown.

const STORE = "coze-bridge-demo-language";

export const TEXTS = {
  title: ["Coze Bridge", "Coze Bridge"],
  tagline: ["Ask, break it, watch the answer arrive whole.", "提问，弄坏它，看着回答完整送达。"],
  simulated: ["simulated Coze bot", "模拟的扣子机器人"],
  real: ["real Coze bot {bot} at {host}", "真实的扣子机器人 {bot}（{host}）"],
  ready: ["Bridge ready", "桥接服务就绪"],
  starting: ["Bridge is starting", "桥接服务正在启动"],
  "not ready": ["Bridge not ready", "桥接服务未就绪"],
  down: ["Bridge is down", "桥接服务已停止"],
  lost: ["Demo is not running", "演示程序未运行"],
  lost_why: ["The connection to the demo is lost; trying again.", "与演示程序的连接已断开，正在重试。"],
  process: ["process {pid}, start no. {starts}", "进程 {pid}，第 {starts} 次启动"],
  settings: ["Page", "页面"],
  theme_auto: ["Colours: as the system", "配色：跟随系统"],
  theme_light: ["Colours: light", "配色：浅色"],
  theme_dark: ["Colours: dark", "配色：深色"],
  other_language: ["中文", "English"],
  log: ["Log of the bridge", "桥接服务日志"],
  log_empty: ["Nothing yet.", "暂无内容。"],

  telegram: ["Telegram", "Telegram"],
  slack: ["Slack", "Slack"],
  platforms: ["Platforms", "平台"],
  chats: ["Chats", "聊天"],
  channels: ["Channels", "频道"],
  about_private: ["private chat with the bot", "与机器人的私聊"],
  about_group: ["group: mention the bot", "群组：请提及机器人"],
  about_topic: ["topic in {of}", "“{of}”中的话题"],
  about_channel: ["channel: mention the bot", "频道：请提及机器人"],
  about_dm: ["direct message as {person}", "以 {person} 的身份私信"],
  unread: ["{n} unread", "{n} 条未读"],
  messages_of: ["Messages in {room}", "{room} 的消息"],
  welcome_private: [
    "{person} talks to the bot here. Write something, or pick an example below.",
    "{person} 在这里与机器人聊天。写点什么，或选一个下面的例子。",
  ],
  welcome_group: [
    "A group with {people}. The bot answers when it is mentioned.",
    "{people} 所在的群组。提及机器人时它才会回答。",
  ],
  welcome_channel: [
    "This is #{name}. Mention the bot and it answers in a thread.",
    "这里是 #{name}。提及机器人，它会在消息列中回答。",
  ],

  write_in: ["Message in {room}", "在 {room} 中发消息"],
  placeholder: ["Write as {person}…", "以 {person} 的身份发消息…"],
  placeholder_reply: ["Reply as {person}…", "以 {person} 的身份回复…"],
  send: ["Send", "发送"],
  as: ["Write as", "发送者"],
  mention_on: ["The bot is mentioned. Press to write without it.", "将提及机器人。点按则不提及。"],
  mention_off: ["The bot is not mentioned: it stays silent. Press to mention it.", "未提及机器人，它不会回答。点按以提及。"],
  not_sent: ["Not sent: {reason}", "未发送：{reason}"],
  examples: ["Examples and commands", "示例与命令"],
  stop: ["Stop", "停止"],
  stop_why: ["End the running answer (/stop)", "停止正在进行的回答（/stop）"],
  commands: ["Commands", "命令"],
  new_why: ["start a new conversation", "开始新会话"],
  retry_why: ["ask the last question again", "重新回答上一个问题"],
  status_why: ["what is going on", "查看当前状态"],
  help_why: ["how to use the bot", "查看帮助"],

  versions: ["{n} versions", "{n} 个版本"],
  version: ["1 version", "1 个版本"],
  versions_why: ["How often this message was written so far", "这条消息至今写入的次数"],
  growing: ["growing", "生成中"],
  edited: ["edited", "已编辑"],
  typing: ["{name} is typing…", "{name} 正在输入…"],
  thinking: ["{name} is thinking…", "{name} 正在思考…"],
  reply_in_thread: ["Reply in thread", "在消息列中回复"],
  thread: ["Thread", "消息列"],
  replies: ["{n} replies", "{n} 条回复"],
  reply: ["1 reply", "1 条回复"],
  only_you: ["Only visible to {name}", "仅 {name} 可见"],
  deleted: ["This message was deleted.", "此消息已删除。"],
  newest: ["To the newest message", "跳到最新消息"],
  app: ["App", "应用"],
  says: ["{name}: {text}", "{name}：{text}"],

  panel: ["Behind the answer", "回答的背后"],
  panel_open: ["Show what happens behind the answer", "展开：回答背后发生了什么"],
  which: ["Answer", "回答"],
  nothing_asked: ["No answer yet", "尚无回答"],
  empty_plot: [
    "Ask something: two lines will grow here, what Coze has said and what people can read.",
    "提一个问题：这里会画出两条线，扣子说了多少，用户能看到多少。",
  ],
  hint: ["Three steps", "三步体验"],
  hint_ask: ["Ask for a long answer", "请求一个长回答"],
  hint_break: ["Break something", "弄坏点什么"],
  hint_watch: ["Watch the same message become whole", "看同一条消息恢复完整"],
  hint_done: ["done", "已完成"],
  hint_close: ["Close the three steps", "关闭三步提示"],

  plot_said: ["said by Coze", "扣子已生成"],
  plot_seen: ["visible in the chat", "聊天中可见"],
  plot_send: ["sent", "发送"],
  plot_edit: ["edited", "编辑"],
  plot_typing: ["typing", "正在输入"],
  plot_429: ["429, and the wait", "429 及等待"],
  plot_refused: ["refused", "被拒"],
  plot_axis: ["characters", "字符"],
  plot_seconds: ["{n} s", "{n} 秒"],
  plot_unknown: ["What a real bot has said is only known from what is visible.", "真实机器人说了多少，只能从可见部分得知。"],
  fact_first: ["First text", "首个文字"],
  fact_behind: ["Behind", "落后"],
  fact_calls: ["Calls", "调用"],
  fact_refused: ["429 · refused", "429 · 被拒"],
  fact_outcome: ["Outcome", "结果"],
  of_all: ["{seen} of {said}", "{seen} / {said}"],
  ms: ["{n} ms", "{n} 毫秒"],
  seconds: ["{n} s", "{n} 秒"],
  now_worst: ["{now} now, {worst} at worst", "现在 {now}，最多 {worst}"],
  call_kinds: ["{send} sent, {edit} edits, {typing} typing", "发送 {send}，编辑 {edit}，输入提示 {typing}"],
  waits: ["longest wait {n} s", "最长等待 {n} 秒"],
  no_waits: ["nothing refused", "没有被拒"],
  outcome_running: ["growing", "生成中"],
  outcome_waiting: ["waiting for Coze", "等待扣子"],
  outcome_whole: ["whole and once", "完整且仅一次"],
  outcome_shown: ["shown", "已显示"],
  outcome_stopped: ["stopped", "已停止"],
  outcome_told: ["ended with a sentence", "以一句说明结束"],
  outcome_differs: ["not whole", "不完整"],
  outcome_silent: ["no answer", "没有回答"],
  summary: [
    "{seen} of {said} characters visible, {calls} calls, {refused} refused, {behind} s behind.",
    "已显示 {seen} / {said} 个字符，{calls} 次调用，{refused} 次被拒，落后 {behind} 秒。",
  ],
  summary_real: ["{seen} characters visible, {calls} calls, {refused} refused.", "已显示 {seen} 个字符，{calls} 次调用，{refused} 次被拒。"],
  summary_end: ["Answer: {outcome}. {summary}", "回答：{outcome}。{summary}"],

  breaks: ["Break it", "弄坏它"],
  break_flood: ["Flood this chat", "限流此聊天"],
  break_cut: ["Cut the Coze stream", "切断扣子的流"],
  break_kill: ["kill -9 the bridge", "kill -9 桥接服务"],
  break_down: ["Coze down for {n} s", "扣子宕机 {n} 秒"],
  why_flood: [
    "Every call to this chat gets 429 for {n} s. The line stands still, then catches up in one step.",
    "{n} 秒内对此聊天的调用都返回 429。曲线停住，然后一步追平。",
  ],
  why_cut: [
    "Resets the connection in mid-answer. The bridge fetches the rest; the same message goes on.",
    "在回答途中重置连接。桥接服务取回剩余内容，同一条消息继续写完。",
  ],
  why_kill: [
    "No goodbye. A new process finds the answer under way and completes the same message.",
    "不留余地。新进程会找到进行中的回答，并把同一条消息写完。",
  ],
  why_down: [
    "Every call to Coze fails. The bridge says so, keeps trying, and answers once Coze is back.",
    "对扣子的调用全部失败。桥接服务会说明并重试，恢复后继续回答。",
  ],
  active: ["active", "进行中"],
  left: ["{n} s left", "剩 {n} 秒"],
  began: ["{name}: active.", "{name}：已开始。"],
  over: ["{name}: over.", "{name}：已结束。"],
  mark_flood: ["flood", "限流"],
  mark_cut: ["stream cut", "断流"],
  mark_kill: ["kill -9", "kill -9"],
  mark_down: ["Coze down", "扣子宕机"],
  why_not_active: ["It is active already.", "已在进行中。"],
  why_not_no_stream: ["No stream is open: ask for a long answer first.", "当前没有打开的流：请先请求一个长回答。"],
  why_not_no_bridge: ["The bridge is not running at the moment.", "桥接服务当前未运行。"],
  why_not_no_simulator: ["Needs the simulated Coze; this is a real bot.", "需要模拟的扣子；当前是真实机器人。"],
  why_not_other: ["That did not work: {reason}", "操作失败：{reason}"],
};

let current = startLanguage();

function startLanguage() {
  const asked = new URLSearchParams(location.search).get("lang");
  if (asked === "en" || asked === "zh") {
    localStorage.setItem(STORE, asked);
    return asked;
  }
  const stored = localStorage.getItem(STORE);
  if (stored === "en" || stored === "zh") return stored;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function language() {
  return current;
}

export function switchLanguage() {
  current = current === "zh" ? "en" : "zh";
  localStorage.setItem(STORE, current);
}

/** Which of the page's languages to write in for somebody whose client says `code`. */
export function spoken(code) {
  return code.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** One of the two wordings of a pair. */
export function worded(pair) {
  return pair[current === "zh" ? 1 : 0];
}

/** The sentence with that name, with its values filled in. */
export function t(name, values = {}) {
  return worded(TEXTS[name]).replace(/\{(\w+)\}/g, (_whole, key) => String(values[key]));
}

function locale() {
  return current === "zh" ? "zh-CN" : navigator.language;
}

export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

export function count(number) {
  return Math.round(number).toLocaleString(current === "zh" ? "zh-CN" : "en-US");
}
