"""Which tasks a translation leaves whole.

Some tasks are about English itself: translated, they ask for what is no longer there ("which word rhymes with
moon?"). They are told by what their instruction says, in families of patterns; a row of one is left out of every
language, and the family is the recorded reason. The patterns look at instructions alone: a text to work on may
say anything. What they miss the gate may still catch, what they catch wrongly is a row less.

    translation   the task is a translation, or asks for an answer in a named language
    spelling      letters, spelling, capitals, alphabetical order of letters, syllables
    counting      how many letters, words or sentences; answers of so many words or letters
    rhyme         rhyme, metre, alliteration, haikus and limericks
    wordplay      anagrams, palindromes, puns, acronyms, crosswords, word games
    grammar       errors, tenses, parts of speech, punctuation, voice, articles of English sentences
    vocabulary    synonyms, antonyms, etymology, homophones, prefixes, idioms of English
    nothing       no word to translate: code or signs alone
"""

from __future__ import annotations

import re
from typing import Final

from cftray.data.rows import Row
from cftray.translation.spans import prose

_LANGUAGES = (
    r"(?:English|French|German|Spanish|Italian|Portuguese|Dutch|Russian|Chinese|Mandarin|Japanese|Korean|Arabic|Hindi|"
    r"Latin|Greek|Turkish|Swedish|Polish|Vietnamese|Indonesian)"
)

FAMILIES: Final[dict[str, re.Pattern[str]]] = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "translation": rf"\btranslat(?:e|es|ed|ing|ion|ions)\b|\b(?:in|into|to|from) {_LANGUAGES}\b(?! ?[-a-z]*(?:food|"
        r"cuisine|culture|history|people))|\bwhat (?:language|does .{1,60} mean in)\b|"
        rf"\b{_LANGUAGES} (?:word|phrase|equivalent|expression|sentence)s?\b",
        "spelling": r"\bspell(?:s|ed|ing|ings)?\b|\bmisspell|\btypos?\b|\bletters? (?:of|in|from) (?:the )?(?:alphabet|"
        r"word|string|name|sentence)|\b(?:first|last|second|third|missing|each|starting|beginning) letters?\b|"
        r"\b(?:start|begin|end)(?:s|ing)? with (?:the |an? )?(?:same )?(?:letter|vowel|consonant|['\"“‘]?[A-Z]"
        r"['\"”’]?(?!\w))|"
        r"\bvowels?\b|\bconsonants?\b|\b(?:upper|lower)[- ]?case\b|\bcapitali[sz]|\bsyllables?\b|"
        r"\balphabetical|\balphabeti[sz]e",
        "counting": r"\b(?:number of|how many) (?:\w+ )?(?:letters|characters|words|sentences|syllables)\b|"
        r"\b(?:count|counting) the (?:\w+ )?(?:letters|characters|words|sentences)\b|"
        r"\b\w+[- ]letter words?\b|\bwords? (?:count|length)\b",
        "rhyme": r"\brhym(?:e|es|ed|ing)\b|\balliterat|\bhaikus?\b|\blimericks?\b|\bsonnets?\b|\biambic\b|"
        r"\btongue[- ]?twister",
        "wordplay": r"\banagram|\bpalindrom|\bpuns?\b|\bacronyms?\b|\bacrostic|\bcrossword|\bword (?:search|scramble|"
        r"game|play|puzzle)|\bunscramble\b|\brearrange (?:the )?(?:letters|words)|\bportmanteau|\bpig latin\b|"
        r"\bplay on words\b|\bjumbled\b",
        "grammar": r"\bgrammar\b|\bgrammatical|\bpunctuat|\bpart(?:s)? of speech\b|\b(?:past|present|future|verb) "
        r"(?:perfect |progressive |continuous |simple )?tense\b|\b(?:past|present) participle|\b(?:active|passive) "
        r"voice\b|\b(?:noun|verb|adjective|adverb|pronoun|preposition|conjunction|article|subject|predicate|clause|"
        r"modifier|gerund|contraction)s?\b.{0,60}\b(?:in|from|of) (?:the|this|a|each|following) "
        r"(?:following |given )?(?:sentence|phrase|text|paragraph|passage)|\b(?:sentence|text|phrase)\b.{0,60}\b(?:"
        r"nouns?|verbs?|adjectives?|adverbs?|pronouns?|prepositions?|conjunctions?)\b|\bconjugat|"
        r"\b(?:plural|singular) (?:form|of)\b|\bcommas?\b|\bcorrect (?:form|the (?:sentence|error|mistake))|"
        r"\b(?:sentence|subject-verb) (?:fragment|agreement)|\brun-on\b|\bthird person\b|\bfirst person\b",
        "vocabulary": r"\bsynonyms?\b|\bantonyms?\b|\betymolog|\bhomo(?:phone|nym|graph)s?\b|\b(?:pre|suf)fix(?:es)?\b|"
        r"\bidioms?\b|\broot word|\bcompound words?\b|\bcolloquial|\bslang\b|"
        r"\b(?:use|using) (?:the )?(?:word|phrase|term)s?\b|\bthe (?:word|phrase) ['\"“‘]|"
        r"\bword (?:that|which) (?:means|describes|best)|\bopposite of the word\b",
    }.items()
}


def untranslatable(row: Row) -> str | None:
    """The family of tasks for which a row is left out, or None."""
    instruction = row.instruction
    for name, pattern in FAMILIES.items():
        if pattern.search(instruction):
            return name
    fields = (instruction, row.input, row.output)
    return None if any(character.isalpha() for field in fields for character in prose(field)) else "nothing"
