/* image_size.h - how large a picture is, from the beginning of its bytes: PNG, GIF, JPEG, WebP.
 *
 * data: base64, of which no more than IMAGE_HEAD_BYTES are decoded. False where that does not say.
 */
#ifndef CHAT_IMAGE_SIZE_H
#define CHAT_IMAGE_SIZE_H

#include "base/str.h"

enum { IMAGE_HEAD_BYTES = 192 * 1024 }; /* a JPEG's size stands behind its thumbnail and profile */

bool image_size(str data, uint32_t *ret_width, uint32_t *ret_height);

#endif
