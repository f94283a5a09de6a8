using Granary.Torch.Operations.Products;
using static TorchSharp.torch;

namespace Granary.Bench.Steps;

/// <summary>A product of matrices as a layer makes them: rows x inner times inner x columns.</summary>
/// <param name="Transposed">Which factor lies transposed in memory.</param>
internal sealed record MatrixProduct(string Name, int Rows, int Inner, int Columns, string Transposed = "")
{
    /// <summary>What the models of this benchmark multiply most.</summary>
    public static IReadOnlyList<MatrixProduct> All { get; } =
    [
        new("", 1024, 1024, 1024),
        new("decoder ", 256, 200, 10_000, "right"),
        new("decoder inputs ", 256, 10_000, 200),
        new("decoder weights ", 10_000, 256, 200, "left"),
        new("decoder ", 1024, 200, 10_000, "right"),
        new("lstm ", 32, 200, 800, "right"),
        new("gpt ", 2048, 256, 1024, "right"),
    ];

    public string Size => $"{Rows}x{Inner}x{Columns}";

    public string Case => $"gemm {Name}{Size}";

    public double Operations => 2.0 * Rows * Inner * Columns;

    /// <summary>Multiplies again and again into the same memory, as the peers do.</summary>
    public void Use(Action<Action> measure) => Use((theirs, _) => measure(theirs));

    /// <param name="measure">Takes libtorch's product, and Granary's own.</param>
    public void Use(Action<Action, Action> measure)
    {
        using var scope = NewDisposeScope();
        var (isLeftTurned, isRightTurned) = (Transposed == "left", Transposed == "right");
        var (left, right, into) = (isLeftTurned ? rand(Inner, Rows) : rand(Rows, Inner), isRightTurned ? rand(Columns, Inner) : rand(Inner, Columns), zeros(Rows, Columns));
        var (leftView, rightView) = (isLeftTurned ? left.t() : left, isRightTurned ? right.t() : right);
        var (ownLeft, ownRight, ownInto) = (isLeftTurned ? Matrix.Of(left).Transposed : Matrix.Of(left), isRightTurned ? Matrix.Of(right).Transposed : Matrix.Of(right), Matrix.Of(into));
        measure(() => into.addmm_(leftView, rightView, beta: 0, alpha: 1), () => Torch.Operations.Products.MatrixProduct.Multiply(ownLeft, ownRight, ownInto));
    }
}
