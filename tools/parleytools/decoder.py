# SPDX-License-Identifier: MIT
"""What messages hold, as tables in C: for the guest's tracer (user/bin/trace/decode.c)."""


def _words(words, signed):
    listed = [f"{{\"{word['name']}\", {int(word['type'] in signed)}}}" for word in words]
    return f"{{{', '.join(listed)}}}"


def _message(message, signed):
    fields = [f".number = {message.number:#x}", f'.name = "{message.name}"']
    for key in ("args", "results"):
        if getattr(message, key):
            fields.append(f".{key} = {_words(getattr(message, key), signed)}")
    for key, buffer in (("in", message.input), ("out", message.output)):
        if buffer:
            fields.append(f'.{key} = "{buffer.name}"')
        if buffer and buffer.type != "void":
            fields.append(f".{key}_typed = 1")
    for key, text in (("text_in", message.text_in), ("text_out", message.text_out)):
        if text:
            fields.append(f'.{key} = "{text}"')
    return ["    {" + ",\n     ".join(fields) + "},"]


def make(protocols, most_words, signed):
    """Each protocol's messages; a server has its protocol's name. signed: the types of words that are."""
    out = ["/* SPDX-License-Identifier: MIT */",
           "/* What messages hold, for tracers. Made by tools/protogen from protocols/. */",
           "struct decoder_word {", "    const char *name;", "    int is_signed;", "};", "",
           "struct decoder_message {", "    unsigned number; /* 0: behind the last */",
           "    const char *name;",
           f"    struct decoder_word args[{most_words}], results[{most_words}];",
           "    const char *in, *out;    /* buffers: their names, or NULL */",
           "    int in_typed, out_typed; /* they are structures, not bytes */",
           "    const char *text_in, *text_out; /* texts in words */", "};", "",
           "struct decoder_protocol {", "    const char *name;",
           "    const struct decoder_message *messages;", "};", ""]
    for protocol in protocols:
        out.append(f"static const struct decoder_message {protocol.name}_decoder[] = {{")
        for message in protocol.messages:
            out += _message(message, signed)
        out += ["    {.number = 0},", "};", ""]
    out.append("static const struct decoder_protocol decoder_protocols[] = {")
    out += [f'    {{"{p.name}", {p.name}_decoder}},' for p in protocols]
    return out + ["    {.name = 0},", "};"]
