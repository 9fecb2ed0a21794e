#pragma once

namespace jetcal {

/// The losses a head can be trained with. d = prediction - target, z = d / sigma.
enum class LossKind { mdn, mdna, mse, mae, huber, gaussian_kernel, leaky_gaussian_kernel };

/// detached: the truncation window is held fixed and log sigma is weighted with v_N, unbiased for a
/// Gaussian core at every N. literal: jets outside are dropped and nothing else changes; sigma
/// shrinks without bound for N <= sqrt(3).
enum class TruncationForm { detached, literal };

/// What the sum over a batch is divided by: the sum of all weights, or of the kept jets' weights.
enum class Divisor { all, kept };

/// Prefactor of the Gaussian kernel: 1/sqrt(2 pi), 1, 1/(alpha sqrt(2 pi)).
enum class KernelNorm { slide, unit, density };

/// A head's loss, one line of a training schedule.
struct LossConfig {
  LossKind kind = LossKind::mdna;
  double truncation = 0;  ///< N in sigmas; 0: none (mdn, mdna)
  TruncationForm form = TruncationForm::detached;
  bool force_literal = false;  ///< allow literal at N <= 1.8
  Divisor divisor = Divisor::all;
  double sigma_floor = 0.01;  ///< in the loss only: sigma' = max(sigma, floor)
  double delta = 1;           ///< huber
  double alpha = 0.1;         ///< Gaussian kernels
  double beta = 1e-3;         ///< leaky Gaussian kernel
  KernelNorm norm = KernelNorm::slide;
};

}  // namespace jetcal
