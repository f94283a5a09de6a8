// R rows, K what is summed over, C columns
using System.Runtime.InteropServices;
using Granary.Torch.Operations.Products;
using Granary.Training.Randomness;

namespace Granary.Models.Tests.Torch;

public sealed unsafe class MatrixProductTests
{
    /// <summary>Sizes around those of a tile, of a vector, of what is multiplied at once and of what fits the cache.</summary>
    public static TheoryData<int, int, int> Sizes => new()
    {
        { 1, 1, 1 }, { 3, 5, 7 }, { 7, 1, 5 }, { 0, 3, 5 }, { 8, 16, 16 }, { 9, 4, 17 }, { 16, 33, 32 }, { 17, 31, 33 }, { 24, 8, 48 }, { 33, 255, 49 }, { 8, 257, 66 },
        { 40, 64, 64 }, { 13, 600, 95 }, { 3000, 129, 18 }, { 31, 1100, 200 },
    };

    [Theory, MemberData(nameof(Sizes))]
    public void EveryElementIsOneChainOverKInOrder(int rows, int inner, int columns)
    {
        foreach (var (isLeftTurned, isRightTurned) in new[] { (false, false), (true, false), (false, true), (true, true) })
        {
            var left = new Values(rows, inner, isLeftTurned, seed: 1);
            var right = new Values(inner, columns, isRightTurned, seed: 2);
            var start = new Values(rows, columns, isTurned: false, seed: 3);
            var into = new Values(rows, columns, isTurned: false, seed: 4);
            MatrixProduct.Multiply(left.Matrix, right.Matrix, into.Matrix);
            Assert.Equal(Chains(left.Matrix, right.Matrix, null), into.All());
            MatrixProduct.Multiply(left.Matrix, right.Matrix, into.Matrix, start.Matrix);
            Assert.Equal(Chains(left.Matrix, right.Matrix, start.Matrix), into.All());
            Assert.True(into.IsAloneChanged);
        }
    }

    [Theory, MemberData(nameof(Sizes))]
    public void WhatIsPackedBeforehandGivesTheSame(int rows, int inner, int columns)
    {
        foreach (var isRightTurned in new[] { false, true })
        {
            using var scope = TorchSharp.torch.NewDisposeScope();
            var left = new Values(rows, inner, isTurned: false, seed: 1);
            var right = new Values(inner, columns, isRightTurned, seed: 2);
            var into = new Values(rows, columns, isTurned: false, seed: 3);
            var start = into.Matrix;
            var chains = Chains(left.Matrix, right.Matrix, start);
            MatrixProduct.Multiply(left.Matrix, new PackedMatrix(right.Matrix), start, start);
            Assert.Equal(chains, into.All());
        }
    }

    [Fact]
    public void StartsFromTheSameRowEverywhere()
    {
        var left = new Values(11, 20, isTurned: false, seed: 1);
        var right = new Values(20, 21, isTurned: false, seed: 2);
        var bias = new Values(1, 21, isTurned: false, seed: 3);
        var into = new Values(11, 21, isTurned: false, seed: 4);
        MatrixProduct.Multiply(left.Matrix, right.Matrix, into.Matrix, bias.Matrix.Repeated(11));
        Assert.Equal(Chains(left.Matrix, right.Matrix, bias.Matrix.Repeated(11)), into.All());
    }

    [Fact]
    public void WhatIsNotANumberStaysInItsRowAndColumn()
    {
        var left = new Values(10, 9, isTurned: false, seed: 1);
        var right = new Values(9, 20, isTurned: false, seed: 2);
        var into = new Values(10, 20, isTurned: false, seed: 3);
        (left.Matrix.At[3 * left.Matrix.RowStep + 4], right.Matrix.At[4 * right.Matrix.RowStep + 5]) = (float.NaN, float.PositiveInfinity);
        MatrixProduct.Multiply(left.Matrix, right.Matrix, into.Matrix);
        var all = into.All();
        for (var place = 0; place < all.Length; place++)
        {
            Assert.Equal(place / 20 == 3 || place % 20 == 5, !float.IsFinite(all[place]));
        }
    }

    private static float[] Chains(Matrix left, Matrix right, Matrix? start)
    {
        var all = new float[left.Rows * right.Columns];
        for (var place = 0; place < all.Length; place++)
        {
            var (row, column) = (place / right.Columns, place % right.Columns);
            var sum = start is { } given ? given.At[row * given.RowStep + column] : 0;
            for (var k = 0; k < left.Columns; k++)
            {
                sum = MathF.FusedMultiplyAdd(left.At[row * left.RowStep + k * left.ColumnStep], right.At[k * right.RowStep + column * right.ColumnStep], sum);
            }
            all[place] = sum;
        }
        return all;
    }

    /// <summary>A part of a larger matrix, which is 7 everywhere else.</summary>
    private sealed class Values
    {
        private const int Before = 3, Around = 10, Else = 7;
        private readonly float[] floats;

        public Values(int rows, int columns, bool isTurned, ulong seed)
        {
            var (height, width) = isTurned ? (columns, rows) : (rows, columns);
            floats = GC.AllocateArray<float>((height + Around) * (width + Around), pinned: true);
            Array.Fill(floats, Else);
            var all = new Matrix((float*)Marshal.UnsafeAddrOfPinnedArrayElement(floats, 0), height + Around, width + Around, width + Around);
            Matrix = isTurned ? all.Part(Before, height, Before, width).Transposed : all.Part(Before, height, Before, width);
            var random = new StepRandom(seed);
            for (var place = 0; place < rows * columns; place++)
            {
                At(place) = random.NextSingle() - 0.5f;
            }
        }

        public Matrix Matrix { get; }

        public bool IsAloneChanged => floats.Count(value => value == Else) == floats.Length - Matrix.Rows * Matrix.Columns;

        public float[] All() => [.. Enumerable.Range(0, Matrix.Rows * Matrix.Columns).Select(place => At(place))];

        private ref float At(int place) => ref Matrix.At[place / Matrix.Columns * Matrix.RowStep + place % Matrix.Columns * Matrix.ColumnStep];
    }
}
