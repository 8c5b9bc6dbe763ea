// Language tags, by their languages, and what are none.
export const VARIATIONS = {
  en: ["en-Latn", "en-GB", "en-Latn-GB", "en-fonipa", "en-Latn-GB-fonipa-scouse", "en-x-mine", "EN", "en-lATN", "EN-gb", "EN-scouse-fonipa"],
  es: ["es-419", "es-ES", "ES-mx"],
};
export const NO_TAGS = ["e", "Latn", "enLatnGBother", "11", "en_Latn", "en-Lat", "en-A999"];
