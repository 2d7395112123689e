// SPDX-License-Identifier: Apache-2.0
// Ports of Verilated models as bytes, and a clock edge in one evaluation.
#ifndef SJ_PORTS_HPP
#define SJ_PORTS_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "packed ports are filled as little-endian bytes");

namespace sj {

// A packed port's bits: lane 0, slot 0 in the lowest.
template <class Port>
unsigned char *port_bytes(Port &port) {
    return reinterpret_cast<unsigned char *>(&port);
}

template <class Port>
unsigned char port_bit(Port &port, int bit) {
    return static_cast<unsigned char>((port_bytes(port)[bit / 8] >> (bit % 8)) & 1);
}

template <class Port>
void set_number(Port &port, int value) {
    port = static_cast<Port>(value);
}

// Sixteen-bit values from value number `first` on.
template <class Port>
void set_values(Port &port, int first, int count, const uint16_t *values) {
    std::memcpy(port_bytes(port) + sizeof(uint16_t) * static_cast<std::size_t>(first), values, sizeof(uint16_t) * static_cast<std::size_t>(count));
}

// Bits first, first+1, ... of a packed port = flags[i] != 0 for i < count; all other bits 0. flags NULL: all ones.
template <class Port>
void set_bits(Port &port, int first, int count, const uint8_t *flags) {
    uint64_t words[sizeof port / 8 + 1] = {};
    for (int i = 0; i < count; i++) {
        const auto place = static_cast<unsigned>(first + i);
        words[place / 64] |= static_cast<uint64_t>(flags == nullptr || flags[i] != 0) << (place % 64);
    }
    std::memcpy(&port, words, sizeof port);
}

// The masks of a row: slots words of words_a_slot 64-bit words each, of which k_tile bits count.
template <int KTile, class Port>
void set_masks(Port &port, int slots, const uint64_t *mask) {
    for (std::size_t s = 0; s < static_cast<std::size_t>(slots); s++) {
        std::memcpy(port_bytes(port) + s * (KTile / 8), mask + s * ((KTile + 63) / 64), KTile / 8);
    }
}

template <class To, class From>
void copy_port(To &to, const From &from) {
    static_assert(sizeof(To) == sizeof(From), "ports of one width");
    std::memcpy(&to, &from, sizeof to);
}

// A rising clock edge. Verilator keeps the clock's last level in the model's root, under a name that belongs to its version: where it is known the level is set
// back there, and one evaluation does; elsewhere the model sees the falling edge, too. The clock stands at 1 between calls.
template <class Root>
auto forget_clock(Root &root, int) -> decltype(root.__Vtrigrprev__TOP__clk_i = 0, true) {
    root.__Vtrigrprev__TOP__clk_i = 0;
    return true;
}
template <class Root>
bool forget_clock(Root &, long) {
    return false;
}

template <class Model>
void clock_edge(Model &model) {
    if (!forget_clock(*model.rootp, 0)) {
        model.rootp->clk_i = 0;
        model.eval();
    }
    model.rootp->clk_i = 1;
    model.eval();
}

}  // namespace sj
#endif
