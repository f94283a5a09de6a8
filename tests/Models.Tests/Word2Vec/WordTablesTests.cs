using Granary.Models.Word2Vec;
using Granary.Training.Exchange;
using Granary.Training.Frames;

namespace Granary.Models.Tests.Word2Vec;

public unsafe class WordTablesTests
{
    private const int Vocabulary = 3, Dimension = 5, Width = 16;

    [Fact]
    public void Rows_CopiedAndChangedByNobody_MoveNothing()
    {
        using var tables = Filled();
        using var rows = new SparseRows(Width);
        rows.Reset([0, 2, 4]);
        rows.Values.Fill(float.NaN);
        tables.CopyTo(rows);
        Assert.Equal([10, 11, 12, 13, 14, .. new float[Width - Dimension]], new Span<float>(rows.Row(1), Width).ToArray());
        Assert.Equal([105, 106, 107, 108, 109], new Span<float>(rows.Row(2), Dimension).ToArray());

        tables.TakeChanges(rows, [1, 2, 3]);
        tables.Move(rows);
        Assert.Equal(Enumerable.Range(0, 15).Select(value => (float)value), tables.Input.Span.ToArray());
        Assert.Equal(Enumerable.Range(100, 15).Select(value => (float)value), tables.Output.Span.ToArray());
    }

    [Theory]
    [InlineData(1, 1, 42 / 22.0)] // rarely drawn: nearly the sum
    [InlineData(1_000_000, 1_000_000, 1.0)] // often drawn: nearly the mean
    [InlineData(980, 0, 1020 / 1000.0)] // one shard has nearly all of it: nearly its own change
    public void Changes_OfTwoShards_CountAsOftenAsTheRowWasDrawn(int left, int right, double expected)
    {
        using var tables = Filled();
        using Frame one = Frame.Allocate(0, 0, Changed(tables, by: 1, left)), other = Frame.Allocate(0, 0, Changed(tables, by: 1, right));
        using var exchange = new SoloExchange();
        tables.Move(exchange.Sum([new(new(0, 1), one), new(new(1, 2), other)], 0, 0).Rows!);
        Assert.Equal(100 + 5 + expected, tables.Output.Span[5], 1e-4);
        Assert.Equal(0, tables.Input.Span[0]);
    }

    [Fact]
    public void Change_OfOneShardAlone_IsTakenWhole()
    {
        using var tables = Filled();
        using var only = Changed(tables, by: 0.25f, drawn: 7);
        tables.Move(only);
        Assert.Equal([105.25f, 106.25f, 107.25f, 108.25f, 109.25f], tables.Output.Span.Slice(5, 5).ToArray());
    }

    /// <summary>One output row, each of its values moved.</summary>
    private static SparseRows Changed(WordTables tables, float by, int drawn)
    {
        var rows = new SparseRows(Width);
        rows.Reset([Vocabulary + 1]);
        tables.CopyTo(rows);
        foreach (ref var value in new Span<float>(rows.Row(0), Dimension))
        {
            value += by;
        }
        tables.TakeChanges(rows, [drawn]);
        return rows;
    }

    /// <summary>Input vectors 0, 1, 2, ... and output vectors 100, 101, ...</summary>
    private static WordTables Filled()
    {
        var tables = new WordTables(Vocabulary, Vocabulary, Dimension);
        for (var i = 0; i < Vocabulary * Dimension; i++)
        {
            tables.Input.Span[i] = i;
            tables.Output.Span[i] = 100 + i;
        }
        return tables;
    }
}
