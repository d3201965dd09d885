/* classes.h - what kind of character a code point is, as the split patterns of the GPT encodings
 * tell them apart (Unicode 16, as tiktoken 0.14 has it; script/unicode-classes prints the table).
 */
#ifndef TOKEN_CLASSES_H
#define TOKEN_CLASSES_H

#include "base/base.h"

enum token_class {
    TOKEN_CLASS_OTHER,         /* punctuation, symbols, controls, what is no character */
    TOKEN_CLASS_UPPER,         /* Lu, Lt */
    TOKEN_CLASS_LOWER,         /* Ll */
    TOKEN_CLASS_LETTER,        /* Lm, Lo */
    TOKEN_CLASS_MARK,          /* M */
    TOKEN_CLASS_NUMBER,        /* N */
    TOKEN_CLASS_SPACE,         /* White_Space but for: */
    TOKEN_CLASS_LINE,          /* CR, LF */
    TOKEN_CLASS_ALTERNATES = 8 /* a bit in the table: every other code point is the other case */
};

/* Sorted: code point << 4 | class from there on. From U+0080. */
extern const uint32_t token_class_ranges[];
extern const size_t token_class_ranges_n;

/* *hint: any value; kept between calls it makes neighbours quick to find. */
enum token_class token_class_of(uint32_t c, size_t *hint);

#endif
