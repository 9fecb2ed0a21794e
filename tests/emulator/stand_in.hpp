// For stand-ins of other CUDA libraries (tests/emulator/vendor): work of their own on a stream of
// the emulator, and the device's memory as that work may touch it. The emulator exports these.
#pragma once

#include <cstddef>
#include <functional>

extern "C" {

/// Enqueues `run`: the host executes it when the stream, or the graph it is captured into, gets
/// there. Returns a cudaError_t.
int jetcal_emulator_enqueue(void* stream, char const* what, std::function<void()> const& run);

/// Whether the stream captures a graph.
bool jetcal_emulator_captures(void* stream);

/// Where the host reads or writes `bytes` bytes of the device at `address`; for work that runs.
/// nullptr, and a finding that begins with `what`, if the address is no multiple of `alignment`,
/// the bytes are not inside one living allocation or, for a read, not all written before.
void const* jetcal_emulator_read(char const* what, void const* address, std::size_t bytes,
                                 std::size_t alignment);
void* jetcal_emulator_write(char const* what, void* address, std::size_t bytes,
                            std::size_t alignment);
}
