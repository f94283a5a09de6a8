using System.Text;
using Granary.Models.Word2Vec;
using Granary.Training.Numerics;

namespace Granary.Models.Tests.Word2Vec;

public class SubwordsTests
{
    [Theory]
    [InlineData("", 0x811C9DC5)]
    [InlineData("a", 0xE40C292C)]
    [InlineData("foobar", 0xBF9CF968)] // from the authors' own list (Fowler, Noll, Vo)
    public void Hash_OfPlainLetters_IsFnv1A(string text, uint expected) => Assert.Equal(expected, Subwords.Hash(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void Hash_OfOtherLetters_IsFastTexts() => Assert.Equal(unchecked((0x811C9DC5u ^ 0xFFFFFFC3u) * 16777619u), Subwords.Hash([0xC3]));

    [Fact]
    public void NGrams_AreThePiecesOfTheWordInBrackets()
    {
        // Each n-gram has a row of its own: <ab ab> <ab> | <éb éb> | the end of a line has none.
        var subwords = new Subwords(["ab", "éb", "<eos>", "ab>"], minGram: 3, maxGram: 4, buckets: 1 << 30);
        Assert.Equal([0, 4, 5, 6], subwords.Rows.Numbers(0).ToArray().Order());
        Assert.Equal(4, subwords.Rows.Numbers(1).Length);
        Assert.Equal([2], subwords.Rows.Numbers(2).ToArray());
        Assert.Equal(4 + 3 + 3 + 2, subwords.RowCount); // <ab>> has ab> and <ab> in common with the first, and its own b>> and ab>>
    }

    [Fact]
    public void NGrams_OfOneLetter_AreNoBrackets() => Assert.Equal(1 + 2, new Subwords(["ab"], minGram: 1, maxGram: 1, buckets: 1 << 30).RowCount);

    [Fact]
    public void Buckets_AreShared()
    {
        var subwords = new Subwords(["granary", "grains"], minGram: 3, maxGram: 6, buckets: 5);
        Assert.InRange(subwords.RowCount, 2 + 1, 2 + 5);
        Assert.All(subwords.Rows.Numbers(0).ToArray()[1..], row => Assert.InRange(row, 2, 2 + 4));
    }

    [Fact]
    public void VectorOfAWord_IsTheMeanOfItsRows_AndOfAnUnknownOneThatOfTheNGramsItKnows()
    {
        var subwords = new Subwords(["ab", "xyz"], minGram: 3, maxGram: 3, buckets: 1 << 30); // rows 2, 3: <ab, ab>
        using var table = new NativeFloats(subwords.RowCount);
        float[] values = [3, 100, 6, 12, 100, 100, 100];
        values.CopyTo(table.Span);
        var vectors = new ComposedVectors(subwords, words: 2, dimension: 1, table);
        Assert.Equal(7, vectors.OfWords()[0], 1e-5);
        Assert.Equal(6, Assert.Single(vectors.OfUnknown("abc")!)); // <ab, and abc, bc> that are in no word
        Assert.Null(vectors.OfUnknown("q"));

        table.Span[0] = 6;
        vectors.Forget();
        Assert.Equal(8, vectors.OfWords()[0], 1e-5);
    }
}
