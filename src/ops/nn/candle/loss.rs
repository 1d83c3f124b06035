//! Cross-entropy on the device.

use candle_core::{DType, Result, Tensor};

/// Returns each label's loss, how many labels have the highest score, and the gradient of `scale` times the summed loss by the scores, which are
/// `labels x classes`. With smoothing e the target is (1 - e) at the label plus e / K everywhere.
///
/// Errors: what the device says.
pub fn cross_entropy(scores: &Tensor, labels: &[u32], smoothing: f64, scale: f64) -> Result<(Vec<f64>, usize, Tensor)> {
    let (_, k) = scores.dims2()?;
    let labels = Tensor::from_slice(labels, labels.len(), scores.device())?;
    let z = scores.broadcast_sub(&scores.max_keepdim(1)?)?;
    let e = z.exp()?;
    let total = e.sum_keepdim(1)?;
    // The highest score falls out of the difference.
    let at = z.gather(&labels.unsqueeze(1)?, 1)?;
    let losses = (total.log()? - (at * (1.0 - smoothing))?)?;
    let losses = if smoothing == 0.0 { losses } else { (losses - (z.mean_keepdim(1)? * smoothing)?)? };
    let numbers = Tensor::arange(0u32, k as u32, scores.device())?.unsqueeze(0)?;
    let here = labels.unsqueeze(1)?.broadcast_eq(&numbers)?.to_dtype(DType::F32)?;
    let target = ((here * (1.0 - smoothing))? + smoothing / k as f64)?;
    let gradient = ((e.broadcast_div(&total)? - target)? * scale)?;
    let right = scores.argmax(1)?.eq(&labels)?.to_dtype(DType::F32)?.sum_all()?.to_scalar::<f32>()?;
    let losses = losses.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f64::from).collect();
    Ok((losses, right as usize, gradient))
}
