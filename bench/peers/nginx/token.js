// The check of an HS256 token for nginx: signature, algorithm, expiry, type. 1 when good.
import crypto from 'crypto';

function part(text) {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
}

function ok(r) {
    try {
        const bearer = r.headersIn.authorization;
        if (!bearer || !bearer.startsWith('Bearer ')) return '0';
        const parts = bearer.slice(7).split('.');
        if (parts.length !== 3 || part(parts[0]).alg !== 'HS256') return '0';
        const mac = crypto.createHmac('sha256', '@SECRET@').update(parts[0] + '.' + parts[1]).digest('base64url');
        if (mac !== parts[2]) return '0';
        const claims = part(parts[1]);
        return claims.type === 'access' && claims.exp > Date.now() / 1000 ? '1' : '0';
    } catch (e) {
        return '0';
    }
}

export default { ok };
