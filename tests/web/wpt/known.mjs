// The tests that fail, and why. The list is exact: one that passes, or fails and is not here, fails the run.

const GESTURE = "A visitor's gesture is asked for by browsers, where a site's first call downloads gigabytes. nanolm's models are the app's own files.";
const POLICY = "Permission policies are for what browsers have. nanolm is code of the frame itself, which needs nobody's permission.";
const USAGE = "The specification wants a usage of 0 where the quota has no limit; browsers have one.";
const LANGUAGES = "Which languages a model knows, only the model shows: every tag that names a language is taken.";
const KNOWN_LANGUAGES = "34 languages are told apart, and no others: a detector for Afrikaans, Greek in Latin letters, Maori, Serbian or Zulu is not supported.";
const RANDOM = "The model of these tests is random: it translates nothing, and what it wrote is read again as other tokens.";
const OLD_NAMES = "`topK` and `temperature` stay for pages that were written for the earlier API.";

const common = (api, file) => ({
  [`${file}-create-user-activation: create() needs a visitor's gesture where something has to be downloaded`]: GESTURE,
  ...frames(file),
  [`${file}-measureInputUsage: the number is above 0 for a text`]: USAGE,
  ...(api !== "Summarizer" && { [`${file}-availability-available: it is unavailable for languages that are not supported`]: LANGUAGES }),
});

const frames = (file) => ({
  [`${file}-iframe: create() is a NotAllowedError in a frame of another origin`]: POLICY,
  [`${file}-iframe: availability() is unavailable in a frame of another origin`]: POLICY,
});

export const KNOWN = {
  Summarizer: common("Summarizer", "summarizer/summarizer"),
  Writer: common("Writer", "writer/writer"),
  Rewriter: common("Rewriter", "rewriter/rewriter"),
  Translator: {
    "translator/translator-create-user-activation: create() needs a visitor's gesture where something has to be downloaded": GESTURE,
    "translator/translator.optional: translate() translates": RANDOM,
    ...frames("translator/translator"),
  },
  LanguageDetector: {
    "language_detection/detector: create() needs a visitor's gesture where something has to be downloaded": GESTURE,
    "language_detection/detector.optional: detect() knows rarer languages, and others in Latin letters": KNOWN_LANGUAGES,
    ...frames("language_detection/detector"),
  },
  LanguageModel: {
    "language-model/language-model-create-user-activation: create() needs a visitor's gesture where something has to be downloaded": GESTURE,
    ...frames("language-model/language-model"),
    "language-model/language-model-create: topK and temperature are no longer attributes": OLD_NAMES,
    "language-model/prompt/context/*: a prompt and its answer count, to within five tokens": RANDOM,
  },
};
