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

    public string Case => $"gemm {Name}{Rows}x{Inner}x{Columns}";

    public double Operations => 2.0 * Rows * Inner * Columns;

    /// <summary>Multiplies again and again into the same memory, as the peers do.</summary>
    public void Use(Action<Action> measure)
    {
        using var scope = NewDisposeScope();
        var left = Transposed == "left" ? rand(Inner, Rows).t() : rand(Rows, Inner);
        var right = Transposed == "right" ? rand(Columns, Inner).t() : rand(Inner, Columns);
        var into = zeros(Rows, Columns);
        measure(() => into.addmm_(left, right, beta: 0, alpha: 1));
    }
}
