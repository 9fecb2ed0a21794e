"""What NVIDIA says of the cards that times are predicted for.

Dense rates (without sparsity), products summed in float32. The clock is the highest: times are lower bounds. The
data sheets of H100, B200 and L40S give rates with sparsity: halved here.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    name: str
    capability: int  # 90 is 9.0
    sms: int
    clock_ghz: float
    memory_tb_s: float
    fp32_tflops: float
    tf32_tflops: float
    bf16_tflops: float
    source: str

    def tensor_flops(self, precision):
        return 1e12 * {"tf32": self.tf32_tflops, "bf16": self.bf16_tflops}.get(precision, self.fp32_tflops)

    @property
    def clocks(self):
        """Clock cycles a second of all multiprocessors together."""
        return self.sms * self.clock_ghz * 1e9


CARDS = (
    Card("A100 SXM 80 GB", 80, 108, 1.410, 2.039, 19.5, 156, 312,
         "NVIDIA A100 Tensor Core GPU Architecture (white paper, 2020); A100 80 GB data sheet"),
    Card("RTX 3090", 86, 82, 1.695, 0.936, 35.6, 35.6, 71,
         "NVIDIA Ampere GA102 GPU Architecture (white paper, 2021)"),
    Card("L40S", 89, 142, 2.520, 0.864, 91.6, 183, 362, "NVIDIA L40S data sheet"),
    Card("H100 SXM", 90, 132, 1.980, 3.35, 66.9, 494.7, 989.4,
         "NVIDIA H100 Tensor Core GPU Architecture (white paper, 2022); H100 data sheet"),
    Card("B200", 100, 148, 1.965, 8.0, 75, 1125, 2250,
         "NVIDIA HGX B200 data sheet; multiprocessors and clock as its driver tells them"),
    Card("RTX 5090", 120, 170, 2.407, 1.792, 104.8, 104.8, 209.5,
         "NVIDIA RTX Blackwell GPU Architecture (white paper, 2025)"),
)
H100 = next(card for card in CARDS if card.capability == 90)

# Of a multiprocessor and clock (CUDA C++ Programming Guide, "Throughput of Native Arithmetic Instructions").
SCHEDULERS = 4  # warp instructions issued
SPECIAL_LANES = 16  # rcp, rsqrt, ex2, ...
SHARED_BYTES = 128  # one wavefront of shared memory


def fp32_lanes(capability):
    return 64 if capability == 80 else 128
