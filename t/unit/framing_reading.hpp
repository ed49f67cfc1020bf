// What a reader of a framing makes of a backend's bytes, however they are cut, as text.
#pragma once

#include "ngx_ws_filter/ws_framing/framing.hpp"
#include "t/unit/client_stream.hpp"

namespace unit {

// A message stands in angle brackets, with a letter in front if its type is known.
inline void add_part(Transcript &transcript, const ws::Part &part) {
    if (part.starts_message) {
        transcript.add(part.opcode == ws::Opcode::text     ? "<t "
                       : part.opcode == ws::Opcode::binary ? "<b "
                                                           : "<");
    }
    transcript.add(part.payload).add(part.ends_message ? ">" : "");
}

// Ends the stream, after a cut or not, and adds what the reader still had.
template <typename Reader>
void finish(Reader &reader, bool cut_off, Transcript &transcript) {
    if constexpr (requires(ws::Part & part) { reader.finish(part); }) {
        if (cut_off) {
            reader.cut();
        }
        ws::Part part;
        if (reader.finish(part) == ws::PartStatus::part) {
            add_part(transcript, part);
        }
        check(reader.fault() == ws::BackendFault::none ||
              reader.finish(part) == ws::PartStatus::fault);
    } else {
        check(!cut_off && reader.finish() != ws::PartStatus::part);
    }
}

// A fault stands in square brackets behind the messages.
template <typename Reader>
void reads(std::string_view stream, std::string_view wanted, const ws::FramingSettings &settings,
           bool cut_off = false) {
    for_every_cut(stream.size(), [&](Cut cut) {
        Reader reader(settings);
        Transcript transcript;
        ws::Part part;
        receive(bytes(stream), cut, [&](Bytes from) {
            while (reader.next(from, part) == ws::PartStatus::part) {
                add_part(transcript, part);
            }
            check(from.empty() || reader.fault() != ws::BackendFault::none);
        });
        finish(reader, cut_off, transcript);
        if (reader.fault() != ws::BackendFault::none) {
            transcript.add("[").add(ws::words(reader.fault())).add("]");
        }
        equal(transcript.text(), wanted);
    });
}

}  // namespace unit
