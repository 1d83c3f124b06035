//! The engine over tensors: steps in order, each value a tensor that lives as long as something needs it.

use super::descent::Running;
use super::layer::{Backward, Layer, Products};
use super::loss;
use crate::base::Stream;
use crate::engine::Failure;
use crate::lang::net::ir::{Net, NodeId};
use crate::ops::nn::engine::{Edit, Engine};
use crate::ops::nn::optimizer::Optimizer;
use crate::ops::nn::spec::{Parameter, Pass};
use crate::ops::nn::steps::{Laid, Purpose, ValueId, lay};
use candle_core::{DType, Device, Result, Tensor};
use std::sync::{Arc, OnceLock};

/// One step.
struct Step {
    laid: Laid,
    layer: Box<dyn Layer>,
    /// Numbers of one example of its output.
    size: usize,
}

/// A network over candle's tensors.
pub struct Tensors {
    net: Arc<Net>,
    device: Device,
    products: Products,
    purpose: Purpose,
    steps: Vec<Step>,
    /// Of each value: the last step that looks at it, and whether a gradient by it is wanted.
    last_use: Vec<usize>,
    wanted: Vec<bool>,
    states: Vec<Vec<Tensor>>,
    /// Gradients by trained parameters, step by step.
    gradients: Vec<Vec<Tensor>>,
    values: Vec<Option<Tensor>>,
    saved: Vec<Vec<Tensor>>,
    pass: Pass,
    by_output: Option<Tensor>,
    by_input: Option<Tensor>,
    optimizer: Option<Running>,
    aside: Vec<Vec<Tensor>>,
    kept: Vec<Vec<Tensor>>,
    /// Copies in the host's memory: the input, values that were asked for, the gradient by the output (and whether it was written), that by the input.
    input: Vec<f32>,
    read: Vec<OnceLock<Vec<f32>>>,
    written: (Vec<f32>, bool),
    read_by_input: OnceLock<Vec<f32>>,
    fault: OnceLock<String>,
}

impl Tensors {
    /// Returns a network with weights of zero; arguments as those of [`crate::ops::nn::network::Network::partly`]. With `short`, activations and factors of
    /// products have 16 bits.
    pub fn new(
        net: &Arc<Net>,
        purpose: Purpose,
        keep: &[NodeId],
        frozen: &[bool],
        capacity: usize,
        (device, short): (&Device, bool),
    ) -> Self {
        let products = Products { short };
        let size = |shape: &Vec<usize>| shape.iter().product::<usize>();
        let laid = lay(net, keep, frozen);
        let mut last_use = vec![0; net.nodes.len() + 1];
        let mut wanted = vec![false; net.nodes.len() + 1];
        wanted[0] = matches!(purpose, Purpose::InputGradient | Purpose::Adversary);
        for (i, step) in laid.iter().enumerate() {
            step.inputs.iter().chain([&step.output]).for_each(|v| last_use[*v] = i);
            let trains = purpose.trains() && step.parameters.iter().any(|p| p.trained);
            wanted[step.output] = trains || step.inputs.iter().any(|v| wanted[*v]);
        }
        let kept = if keep.is_empty() { vec![net.output] } else { keep.to_vec() };
        kept.iter().for_each(|id| last_use[id + 1] = usize::MAX);
        let mut out = Tensors {
            net: net.clone(),
            device: device.clone(),
            products,
            purpose,
            steps: Vec::new(),
            last_use,
            wanted,
            states: Vec::new(),
            gradients: Vec::new(),
            values: vec![None; net.nodes.len() + 1],
            saved: Vec::new(),
            pass: Pass { batch: 0, training: purpose.trains(), stream: Stream::root(0) },
            by_output: None,
            by_input: None,
            optimizer: None,
            aside: Vec::new(),
            kept: Vec::new(),
            input: vec![0.0; size(&net.input) * capacity],
            read: (0..=net.nodes.len()).map(|_| OnceLock::new()).collect(),
            written: (Vec::new(), false),
            read_by_input: OnceLock::new(),
            fault: OnceLock::new(),
        };
        let made = out.make(laid);
        out.note(made);
        out
    }

    fn make(&mut self, laid: Vec<Laid>) -> Result<()> {
        for laid in laid {
            let zeros = |p: &Parameter| Tensor::zeros(p.len(), DType::F32, &self.device);
            self.states.push(laid.parameters.iter().map(zeros).collect::<Result<_>>()?);
            let trained = laid.parameters.iter().filter(|p| p.trained && self.purpose.trains());
            self.gradients.push(trained.map(zeros).collect::<Result<_>>()?);
            self.saved.push(Vec::new());
            let size = self.net.nodes[laid.output - 1].shape.iter().product();
            let layer = super::layer(laid.spec.clone(), self.products, &self.device)?;
            self.steps.push(Step { laid, layer, size });
        }
        Ok(())
    }

    /// Keeps the first fault.
    fn note<T>(&self, of: Result<T>) -> Option<T> {
        match of {
            Ok(found) => Some(found),
            Err(error) => {
                let _ = self.fault.set(error.to_string());
                None
            }
        }
    }

    /// Does something unless there was a fault, and keeps what fails.
    fn attempt<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Option<T> {
        if self.fault.get().is_some() {
            return None;
        }
        let done = work(self);
        self.note(done)
    }

    /// Returns numbers in the host's memory; zeros where the device failed.
    fn numbers(&self, of: Option<&Tensor>, len: usize) -> Vec<f32> {
        let read = of.filter(|_| self.fault.get().is_none()).map(host);
        read.and_then(|numbers| self.note(numbers)).filter(|x| x.len() == len).unwrap_or_else(|| vec![0.0; len])
    }

    fn upload(&self, numbers: &[f32], batch: usize) -> Result<Tensor> {
        Tensor::from_slice(numbers, (batch, numbers.len() / batch.max(1)), &self.device)
    }

    /// Returns a value as it is kept.
    fn shortened(&self, x: Tensor) -> Result<Tensor> {
        if self.products.short { x.to_dtype(DType::BF16) } else { Ok(x) }
    }

    fn value_of(&self, id: ValueId) -> Result<Tensor> {
        match &self.values[id] {
            Some(value) => value.to_dtype(DType::F32),
            None => candle_core::bail!("the value {id} is not there: its node was not kept"),
        }
    }

    fn run_from(&mut self, first: usize, nodes: &[NodeId], edit: Edit) -> Result<()> {
        let batch = self.pass.batch;
        for i in first..self.steps.len() {
            let step = &self.steps[i];
            let inputs = step.laid.inputs.iter().map(|v| self.value_of(*v)).collect::<Result<Vec<_>>>()?;
            let pass = Pass { training: self.pass.training && !step.laid.frozen, ..self.pass };
            let (out, saved) = step.layer.forward(pass, &mut self.states[i], &inputs)?;
            let mut out = out.reshape((batch, step.size))?;
            let node = step.laid.output - 1;
            if nodes.contains(&node) {
                let mut numbers = host(&out)?;
                edit(node, &mut numbers);
                out = self.upload(&numbers, batch)?;
            }
            let output = step.laid.output;
            self.values[output] = Some(self.shortened(out)?);
            self.read[output] = OnceLock::new();
            if self.purpose == Purpose::Evaluation {
                let done = self.steps[i].laid.inputs.iter().chain([&output]);
                let done: Vec<ValueId> = done.copied().filter(|v| self.last_use[*v] == i).collect();
                done.into_iter().for_each(|v| self.values[v] = None);
            } else {
                self.saved[i] = saved;
            }
        }
        Ok(())
    }

    fn run_back(&mut self, parameters: bool) -> Result<()> {
        let batch = self.pass.batch;
        let mut by_value: Vec<Option<Tensor>> = vec![None; self.values.len()];
        if self.written.1 {
            self.by_output = Some(self.upload(&self.written.0, batch)?);
            self.written.1 = false;
        }
        by_value[self.net.output + 1] = self.by_output.clone();
        for (i, step) in self.steps.iter().enumerate().rev() {
            let Some(grad) = by_value[step.laid.output].take() else { continue };
            let wanted: Vec<bool> = step.laid.inputs.iter().map(|v| self.wanted[*v]).collect();
            let learns = parameters && !self.gradients[i].is_empty();
            if !learns && !wanted.contains(&true) {
                continue;
            }
            let inputs = step.laid.inputs.iter().map(|v| self.value_of(*v)).collect::<Result<Vec<_>>>()?;
            let found = step.layer.backward(&Backward {
                pass: Pass { training: self.pass.training && !step.laid.frozen, ..self.pass },
                state: &self.states[i],
                inputs: &inputs,
                output: &self.value_of(step.laid.output)?,
                saved: &self.saved[i],
                grad: &grad.to_dtype(DType::F32)?,
                wanted: &wanted,
                learns,
            })?;
            for ((v, gradient), wanted) in step.laid.inputs.iter().zip(found.inputs).zip(wanted) {
                let Some(gradient) = gradient.filter(|_| wanted) else { continue };
                let size = gradient.elem_count() / batch.max(1);
                let gradient = gradient.reshape((batch, size))?;
                by_value[*v] = Some(match by_value[*v].take() {
                    Some(sum) => self.shortened((sum.to_dtype(DType::F32)? + gradient)?)?,
                    None => self.shortened(gradient)?,
                });
            }
            if learns {
                self.gradients[i] = found.parameters.iter().map(Tensor::flatten_all).collect::<Result<_>>()?;
            }
        }
        self.by_input = by_value[0].take();
        Ok(())
    }

    /// Returns how many numbers a node puts out for the batch.
    fn len_of(&self, node: NodeId) -> usize {
        self.pass.batch * self.net.nodes[node].shape.iter().product::<usize>()
    }

    fn len_of_input(&self) -> usize {
        self.net.input.iter().product()
    }

    /// Returns the places of the trained parameters among all: step and parameter.
    fn trained(&self) -> Vec<(usize, usize)> {
        let one = |(i, step): (usize, &Step)| {
            let trained = step.laid.parameters.iter().enumerate().filter(|(_, p)| p.trained);
            trained.map(|(j, _)| (i, j)).collect::<Vec<_>>()
        };
        self.steps.iter().enumerate().flat_map(one).collect()
    }

    /// Replaces each gradient by a parameter.
    fn change(&mut self, one: impl Fn(&Tensor) -> Result<Tensor>) {
        self.attempt(|s| {
            for gradient in s.gradients.iter_mut().flatten() {
                *gradient = one(gradient)?;
            }
            Ok(())
        });
    }
}

/// Returns the failure of a cell from what its device said.
fn failure(fault: &str) -> Failure {
    let lower = fault.to_lowercase();
    // CUDA_ERROR_OUT_OF_MEMORY and CUBLAS_STATUS_ALLOC_FAILED of NVIDIA's libraries; Metal's words for a buffer that it cannot make.
    let full = ["out_of_memory", "out of memory", "alloc_failed", "allocate", "failed to create metal resource: buffer"];
    if full.iter().any(|words| lower.contains(words)) {
        return Failure::new(format!("the device has not enough memory left for this ({fault})")).help(
            "take a smaller `batch:` or `precision: bf16`, let fewer cells run side by side (`--device-memory`, in GiB), or run it with `--device cpu`",
        );
    }
    Failure::new(format!("the device failed: {fault}")).help("`--device cpu` needs no GPU")
}

#[test]
fn a_device_without_memory_left_is_told_from_one_that_failed() {
    let said = |fault: &str| match failure(fault) {
        Failure::Failed { message, help, .. } => (message, help.unwrap_or_default()),
        _ => panic!(),
    };
    let (message, help) = said("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")");
    assert!(
        message.starts_with("the device has not enough memory left") && help.contains("--device-memory"),
        "{message}: {help}"
    );
    assert!(said("DriverError(CUDA_ERROR_LAUNCH_FAILED)").0.starts_with("the device failed"));
}

/// Returns all numbers in the host's memory.
fn host(x: &Tensor) -> Result<Vec<f32>> {
    x.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
}

impl Engine for Tensors {
    fn parameters(&self) -> Vec<(NodeId, Parameter)> {
        self.steps.iter().flat_map(|s| s.laid.parameters.iter().map(|p| (s.laid.owner, p.clone()))).collect()
    }

    fn state(&self, index: usize) -> Vec<f32> {
        let state = self.states.iter().flatten().nth(index);
        self.numbers(state, state.map_or(0, Tensor::elem_count))
    }

    fn set_state(&mut self, index: usize, numbers: &[f32]) {
        self.attempt(|s| {
            let made = Tensor::from_slice(numbers, numbers.len(), &s.device)?;
            if let Some(state) = s.states.iter_mut().flatten().nth(index) {
                *state = made;
            }
            Ok(())
        });
    }

    fn gradient(&self, index: usize) -> Vec<f32> {
        let gradient = self.gradients.iter().flatten().nth(index);
        self.numbers(gradient, gradient.map_or(0, Tensor::elem_count))
    }

    fn input_mut(&mut self, batch: usize) -> &mut [f32] {
        let len = batch * self.len_of_input();
        &mut self.input[..len]
    }

    fn forward(&mut self, batch: usize, stream: Stream, nodes: &[NodeId], edit: Edit) {
        self.pass = Pass { batch, stream, ..self.pass };
        self.attempt(|s| {
            s.values.iter_mut().for_each(|v| *v = None);
            s.read.iter_mut().for_each(|r| *r = OnceLock::new());
            s.values[0] = Some(s.upload(&s.input[..batch * s.len_of_input()], batch)?);
            s.run_from(0, nodes, edit)
        });
    }

    fn resume(&mut self, node: NodeId) {
        let first = self.steps.iter().position(|s| s.laid.output > node + 1).unwrap_or(self.steps.len());
        self.attempt(|s| s.run_from(first, &[], &mut |_, _| {}));
    }

    fn value(&self, node: NodeId) -> &[f32] {
        self.read[node + 1].get_or_init(|| self.numbers(self.values[node + 1].as_ref(), self.len_of(node)))
    }

    fn set_value(&mut self, node: NodeId, numbers: &[f32]) {
        let len = self.len_of(node).min(numbers.len());
        self.attempt(|s| {
            let value = s.upload(&numbers[..len], s.pass.batch)?;
            s.values[node + 1] = Some(s.shortened(value)?);
            s.read[node + 1] = OnceLock::new();
            Ok(())
        });
    }

    fn output_and_gradient(&mut self) -> (&[f32], &mut [f32]) {
        let node = self.net.output;
        self.value(node);
        self.written = (vec![0.0; self.len_of(node)], true);
        (self.read[node + 1].get().map_or(&[], |v| v), &mut self.written.0)
    }

    fn cross_entropy(&mut self, labels: &[u32], smoothing: f64, scale: f64) -> (Vec<f64>, usize) {
        let found = self.attempt(|s| {
            let output = s.value_of(s.net.output + 1)?;
            let classes = output.elem_count() / labels.len().max(1);
            let scores = output.reshape((labels.len(), classes))?;
            let (losses, right, gradient) = loss::cross_entropy(&scores, labels, smoothing, scale)?;
            s.written.1 = false;
            s.by_output = Some(gradient.reshape(output.shape())?);
            Ok((losses, right))
        });
        found.unwrap_or_else(|| (vec![0.0; labels.len()], 0))
    }

    fn backward(&mut self, parameters: bool) {
        self.read_by_input = OnceLock::new();
        self.by_input = None;
        self.attempt(|s| s.run_back(parameters));
    }

    fn input_gradient(&self) -> &[f32] {
        self.read_by_input.get_or_init(|| self.numbers(self.by_input.as_ref(), self.pass.batch * self.len_of_input()))
    }

    fn optimise(&mut self, optimizer: Optimizer) {
        let trained = self.trained();
        self.optimizer = self.attempt(|s| Running::new(optimizer, trained.iter().map(|(i, j)| &s.states[*i][*j])));
    }

    fn step(&mut self, rate: f64) {
        let Some(mut optimizer) = self.optimizer.take() else { return };
        self.attempt(|s| {
            let steps = s.steps.iter().zip(&mut s.states).zip(&s.gradients);
            let trained = steps.flat_map(|((step, states), gradients)| {
                let states = step.laid.parameters.iter().zip(states).filter(|(p, _)| p.trained).map(|(_, state)| state);
                states.zip(gradients)
            });
            optimizer.step(trained, rate)
        });
        self.optimizer = Some(optimizer);
    }

    fn memory(&self) -> (u64, Vec<Vec<f32>>) {
        let Some(optimizer) = &self.optimizer else { return (0, Vec::new()) };
        let read = |m: &Tensor| self.numbers(Some(m), m.elem_count());
        (optimizer.steps, optimizer.memory.iter().flatten().map(read).collect())
    }

    fn set_memory(&mut self, steps: u64, read: &mut dyn FnMut(&mut [f32]) -> Option<()>) -> Option<()> {
        let Some(mut optimizer) = self.optimizer.take() else { return (steps == 0).then_some(()) };
        optimizer.steps = steps;
        for memory in optimizer.memory.iter_mut().flatten() {
            let mut numbers = vec![0.0; memory.elem_count()];
            read(&mut numbers)?;
            *memory = self.note(Tensor::from_vec(numbers, memory.elem_count(), &self.device))?;
        }
        self.optimizer = Some(optimizer);
        Some(())
    }

    fn norm(&self) -> f64 {
        let squares = |g: &Tensor| g.sqr()?.sum_all()?.to_scalar::<f32>().map(f64::from);
        let all = self.gradients.iter().flatten().map(squares).sum::<Result<f64>>();
        self.note(all).unwrap_or(0.0).sqrt()
    }

    fn scale_gradients(&mut self, by: f32) {
        self.change(|g| g * by as f64);
    }

    fn limit_gradients(&mut self, limit: f32) {
        self.change(|g| g.clamp(-limit, limit));
    }

    fn keep_gradients(&mut self) {
        self.kept = self.gradients.clone();
    }

    fn add_kept_gradients(&mut self) {
        self.attempt(|s| {
            for (gradient, kept) in s.gradients.iter_mut().flatten().zip(s.kept.iter().flatten()) {
                *gradient = (&*gradient + kept)?;
            }
            Ok(())
        });
    }

    fn set_aside(&mut self) {
        self.aside = self.states.clone();
    }

    fn ascend(&mut self, scale: f32) {
        let trained = self.trained();
        self.attempt(|s| {
            for ((i, j), gradient) in trained.into_iter().zip(s.gradients.iter().flatten()) {
                s.states[i][j] = (&s.states[i][j] + (gradient * scale as f64)?)?;
            }
            Ok(())
        });
    }

    fn take_back(&mut self) {
        if !self.aside.is_empty() {
            self.states = std::mem::take(&mut self.aside);
        }
    }

    fn wait(&self) {
        self.note(self.device.synchronize());
    }

    fn check(&self) -> std::result::Result<(), Failure> {
        self.fault.get().map_or(Ok(()), |fault| Err(failure(fault)))
    }
}
