//! What is wrong in candle 0.11.1, each in its smallest case (docs/candle.md). None of it is used here. A test that fails after candle was renewed says
//! that a fault was mended, and that what stands in its place may go.

use candle_core::{DType, Device, Result, Tensor, Var};

fn var(numbers: &[f32], shape: &[usize]) -> Var {
    Var::from_tensor(&Tensor::from_slice(numbers, shape, &Device::Cpu).unwrap()).unwrap()
}

/// Returns the gradient of the sum of a result; `None` if there is none.
fn gradient(x: &Var, f: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Option<Vec<f32>>> {
    let grads = f(x.as_tensor())?.sum_all()?.backward()?;
    grads.get(x.as_tensor()).map(|g| g.flatten_all()?.to_vec1()).transpose()
}

#[test]
fn maxima_over_windows_have_too_small_a_gradient() {
    let x = var(&[1.0, 2.0, 3.0, 4.0], &[1, 1, 2, 2]);
    // Right is 0, 0, 0, 1.
    assert_eq!(gradient(&x, |x| x.max_pool2d(2)).unwrap().unwrap(), [0.0, 0.0, 0.0, 0.25]);
}

#[test]
fn windows_that_overlap_have_no_gradient() {
    let x = var(&[0.0; 16], &[1, 1, 4, 4]);
    let error = gradient(&x, |x| x.max_pool2d_with_stride(3, 1)).unwrap_err().to_string();
    assert!(error.contains("backward not supported for maxpool2d"), "{error}");
    let error = gradient(&x, |x| x.avg_pool2d_with_stride(3, 1)).unwrap_err().to_string();
    assert!(error.contains("backward not supported for avgpool2d"), "{error}");
}

#[test]
fn means_over_windows_reach_where_no_window_is() {
    let x = var(&[0.0; 9], &[1, 1, 3, 3]);
    // One window of the first two rows and columns: right is 1/4 there and 0 elsewhere.
    let found = gradient(&x, |x| x.avg_pool2d(2)).unwrap().unwrap();
    assert_eq!(found, [0.25; 9]);
}

#[test]
fn interpolation_overwrites_a_gradient() {
    let x = var(&[1.0], &[1, 1, 1, 1]);
    // Right is 4 + 9 = 13.
    let both = |x: &Tensor| x.upsample_nearest2d(2, 2)?.sum_all()? + x.upsample_nearest2d(3, 3)?.sum_all()?;
    let found = gradient(&x, both).unwrap().unwrap();
    assert!(found == [4.0] || found == [9.0], "{found:?}");
    let error = gradient(&x, |x| x.upsample_bilinear2d(2, 2, false)).unwrap_err().to_string();
    assert!(error.contains("backward not supported for upsample_bilinear2d"), "{error}");
}

#[test]
fn fused_operations_have_no_gradient() {
    let x = var(&[1.0, 2.0, 4.0], &[1, 3]);
    let (scale, shift) =
        (Tensor::ones(3, DType::F32, &Device::Cpu).unwrap(), Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap());
    let squared = |y: Result<Tensor>| y?.sqr();
    // Layer normalisation goes on without a word: nothing before it learns.
    for f in [
        &(|x: &Tensor| squared(candle_nn::ops::layer_norm(x, &scale, &shift, 1e-5))) as &dyn Fn(&Tensor) -> Result<Tensor>,
        &|x| squared(candle_nn::ops::rms_norm(x, &scale, 1e-5)),
        &|x| squared(candle_nn::ops::softmax_last_dim(x)),
    ] {
        let found = gradient(&x, f);
        assert!(!matches!(found, Ok(Some(_))), "{found:?}");
    }
}

#[test]
fn rectified_numbers_have_a_gradient_at_zero() {
    // PyTorch's is 0.
    assert_eq!(gradient(&var(&[0.0], &[1]), |x| x.relu()).unwrap().unwrap(), [1.0]);
}

#[test]
fn the_gradient_of_gelu_has_few_digits() {
    let at = 1.0f64;
    let slope = |x: f64| {
        let (root, cube) = ((2.0 / std::f64::consts::PI).sqrt(), 0.044715);
        let t = (root * (x + cube * x * x * x)).tanh();
        0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * root * (1.0 + 3.0 * cube * x * x)
    };
    let x = Var::from_tensor(&Tensor::new(&[at], &Device::Cpu).unwrap()).unwrap();
    let grads = x.as_tensor().gelu().unwrap().sum_all().unwrap().backward().unwrap();
    let found: f64 = grads.get(x.as_tensor()).unwrap().to_vec1().unwrap()[0];
    // In 64 bits.
    assert!((found - slope(at)).abs() > 1e-8 && (found - slope(at)).abs() < 1e-5, "{found} and {}", slope(at));
}

#[test]
fn convolutions_over_oblongs_have_no_gradient() {
    let x = var(&[0.0; 20], &[1, 1, 4, 5]);
    let w = Tensor::ones((1, 1, 2, 2), DType::F32, &Device::Cpu).unwrap();
    // Of 4 x 5 positions the last column is in no window, and the padding that candle works out from the height misses it.
    assert!(gradient(&x, |x| x.conv2d(&w, 0, 2, 1, 1)).is_err());
}

#[test]
fn one_dimensional_transposed_convolutions_have_no_gradient() {
    let x = var(&[1.0, 2.0], &[1, 1, 2]);
    let w = Tensor::ones((1, 1, 2), DType::F32, &Device::Cpu).unwrap();
    assert!(gradient(&x, |x| x.conv_transpose1d(&w, 0, 0, 1, 1, 1)).is_err());
}

#[test]
fn sure_answers_have_an_infinite_loss() {
    let one = |x: f32| Tensor::new(&[[x]], &Device::Cpu).unwrap();
    // Right is 100.
    let loss = candle_nn::loss::binary_cross_entropy_with_logit(&one(100.0), &one(0.0)).unwrap().to_scalar::<f32>().unwrap();
    assert!(!loss.is_finite(), "{loss}");
}

#[test]
fn the_generator_of_the_cpu_has_no_seed() {
    assert!(Device::Cpu.set_seed(1).is_err());
}

#[test]
fn maxima_swallow_what_is_no_number() {
    let x = Tensor::new(&[1.0f32, f32::NAN, 2.0], &Device::Cpu).unwrap();
    assert_eq!(x.max(0).unwrap().to_scalar::<f32>().unwrap(), 2.0);
    assert_eq!(Tensor::new(&[f32::NAN], &Device::Cpu).unwrap().relu().unwrap().to_vec1::<f32>().unwrap(), [0.0]);
}
