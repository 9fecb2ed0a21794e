#pragma once

namespace jetcal::bench {

/// GFLOP/s of one thread on independent fused multiply-adds in registers, with the widest vectors
/// of the active instruction set: what a product cannot exceed on this processor.
double fma_loop_gflops();

}  // namespace jetcal::bench
