//! Layers that are products of matrices: convolutions and affine maps.

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Geometry {
    /// Input height.
    pub h: usize,
    /// Input width.
    pub w: usize,
    /// Input channels, all groups together.
    pub c: usize,
    /// Output height.
    pub oh: usize,
    /// Output width.
    pub ow: usize,
    /// Output channels, all groups together.
    pub n: usize,
    /// Edge of the square window.
    pub kernel: usize,
    /// Distance between windows.
    pub stride: usize,
    /// Zeros on each side.
    pub pad: usize,
    /// Distance between places within a window.
    pub dilation: usize,
    /// Number of groups.
    pub groups: usize,
}

impl Geometry {
    /// Returns the input channels of one group.
    pub fn group_in(&self) -> usize {
        self.c / self.groups
    }

    /// Returns the output channels of one group.
    pub fn group_out(&self) -> usize {
        self.n / self.groups
    }

    /// Returns the length of one window of one group.
    pub fn depth(&self) -> usize {
        self.kernel * self.kernel * self.group_in()
    }

    /// Returns the number of windows of one image.
    pub fn windows(&self) -> usize {
        self.oh * self.ow
    }

    /// Returns the convolution, of the kernel turned by 180 degrees, that leads from the gradient by the output to that by the input; at stride 1 and
    /// where the padding is no wider than the window's reach.
    pub fn back(&self) -> Geometry {
        let reach = self.dilation * (self.kernel - 1);
        Geometry {
            h: self.oh,
            w: self.ow,
            c: self.n,
            oh: self.h,
            ow: self.w,
            n: self.c,
            pad: reach.saturating_sub(self.pad),
            ..*self
        }
    }

    /// Returns whether a window is one position, so that the image is its own matrix of windows.
    pub fn pointwise(&self) -> bool {
        self.kernel == 1 && self.stride == 1 && self.pad == 0
    }
}

/// A convolution of fixed sizes. State: weight, and bias where it has one.
#[derive(Clone, Copy, Debug)]
pub struct Conv {
    /// The sizes.
    pub geometry: Geometry,
    /// Whether a bias is added.
    pub bias: bool,
}

/// A transposed convolution of fixed sizes. State: weight `[input, output / groups, kernel, kernel]`, and bias where it has one.
#[derive(Clone, Copy, Debug)]
pub struct ConvTransposed {
    /// The sizes of the convolution that leads back: from this layer's output (`h`, `w`, `c`) to its input (`oh`, `ow`, `n`).
    pub back: Geometry,
    /// Whether a bias is added.
    pub bias: bool,
}

/// An affine map. State: weight (`[input, output]` in memory), and bias where it has one.
#[derive(Clone, Copy, Debug)]
pub struct Linear {
    /// Vectors in one example.
    pub positions: usize,
    /// Length of an input vector.
    pub input: usize,
    /// Length of an output vector.
    pub output: usize,
    /// Whether a bias is added.
    pub bias: bool,
}
