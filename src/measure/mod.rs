//! How close one stack comes to another: PSNR, SSIM, and the baselines that a network must beat.

pub mod psnr;
